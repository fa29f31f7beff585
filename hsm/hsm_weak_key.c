/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A weak key in words, for the log and for provctl status. Constant tables only. */
#include <stdio.h>
#include <string.h>

#include "hsm/hsm_client.h"

struct row {
    const char *name;
    const char *words;
};

static const struct row MEANINGS[] = {
    {"CKA_SENSITIVE", "It may be read out of the HSM in clear."},
    {"CKA_EXTRACTABLE", "It may be taken out of the HSM."},
    {"CKA_NEVER_EXTRACTABLE", "It could once be taken out of the HSM, or came from outside."},
    {"CKA_ALWAYS_SENSITIVE", "It could once be read out of the HSM, or came from outside."},
    {"CKA_LOCAL", "It was not made in this HSM: somebody else may have it."},
    {"CKA_PRIVATE", "It can be used without the PIN."},
    {"CKA_KEY_TYPE", "It is no AES key."},
    {"CKA_VALUE_LEN", "It is no AES key of 32 bytes."},
    {"CKA_ID", "There are two keys of this id, and nobody can say which one is meant."},
};

static const struct row CONSEQUENCES[] = {
    {HSM_CHECKPOINT_LABEL, "It signs nothing, so no new license is issued."},
    {HSM_TRANSPORT_LABEL, "It is used for nothing. Licenses go on."},
};

static const char *find(const struct row *rows, size_t count, const char *name,
                        const char *otherwise)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].words;
    }
    return otherwise;
}

void hsm_weak_key_explain(const struct hsm_weak_key *weak, char out[HSM_WEAK_KEY_TEXT_MAX])
{
    const char *meaning = find(MEANINGS, sizeof MEANINGS / sizeof MEANINGS[0], weak->attribute,
                               "It may do what a key of its kind must not do.");
    const char *consequence =
        find(CONSEQUENCES, sizeof CONSEQUENCES / sizeof CONSEQUENCES[0], weak->label,
             "It is used for nothing: its product gets no license and no image.");
    (void)snprintf(
        out, HSM_WEAK_KEY_TEXT_MAX,
        "%s %s Destroy nothing: find out by the token's own tool who made or changed it, "
        "and tell the maker's security officer.",
        meaning, consequence);
}
