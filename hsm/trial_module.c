/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Probes of a trial: the module, its token, the login, and what is in the token before and after.
 * Objects are told by their label; others are left alone.
 */
#include "hsm/trial_probe.h"

#include <string.h>

#define OBJECTS_MAX 8192

static CK_BBOOL yes = CK_TRUE;

/* ---- the module and its token ---- */

/* Blank-padded text of PKCS#11. */
static void copy_padded(const unsigned char *padded, size_t width, char *out)
{
    while (width > 0 && (padded[width - 1] == ' ' || padded[width - 1] == '\0'))
        width--;
    memcpy(out, padded, width);
    out[width] = '\0';
}

static bool is_load_fault(const struct fault *fault)
{
    return strcmp(fault->reason, "module-not-loadable") == 0 ||
           strcmp(fault->reason, "slots-unreadable") == 0;
}

void trial_load(struct trial *trial)
{
    struct fault fault = {0};
    CK_INFO info;
    char name[sizeof info.libraryDescription + 1];
    char maker[sizeof info.manufacturerID + 1];
    enum error e = trial_find_token(trial, &fault);
    if (trial->p11.call == NULL || (e != ERR_OK && is_load_fault(&fault))) {
        trial_say_fault(trial, &fault);
    } else if (trial->p11.call->C_GetInfo(&info) != CKR_OK) {
        trial_say(trial, TRIAL_WORKS, "", "", "does not say what it is");
    } else {
        copy_padded(info.libraryDescription, sizeof info.libraryDescription, name);
        copy_padded(info.manufacturerID, sizeof info.manufacturerID, maker);
        trial_say(trial, TRIAL_WORKS, "", "", "%s: %s %u.%u, PKCS#11 %u.%u", maker, name,
                  info.libraryVersion.major, info.libraryVersion.minor, info.cryptokiVersion.major,
                  info.cryptokiVersion.minor);
        trial_say_detail(trial, "manufacturer", "%s", maker);
        trial_say_detail(trial, "library", "%s", name);
        trial_say_detail(trial, "library_version", "%u.%u", info.libraryVersion.major,
                         info.libraryVersion.minor);
    }
    trial_close(trial);
}

void trial_token(struct trial *trial)
{
    struct fault fault = {0};
    const struct p11 *p11 = &trial->p11;
    if (trial_find_token(trial, &fault) != ERR_OK) {
        trial_say_fault(trial, &fault);
    } else {
        trial_say_detail(trial, "label", "%s", p11->label);
        trial_say_detail(trial, "serial", "%s", p11->serial);
        trial_say_detail(trial, "model", "%s", p11->model);
        trial_say(trial, TRIAL_WORKS, "", "", "%s, serial %s", p11->label, p11->serial);
    }
    trial_close(trial);
}

void trial_login(struct trial *trial)
{
    if (!trial_begin(trial))
        return;
    trial_say(trial, TRIAL_WORKS, "", "", "%s",
              trial->p11.needs_login ? "one try of the PIN" : "the token asks for no PIN");
    trial_close(trial);
}

/* ---- what is in the token ---- */

static bool is_ours(struct p11 *p11, CK_OBJECT_HANDLE object)
{
    char label[256];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};
    const size_t length = strlen(TRIAL_LABEL_PREFIX);
    return p11_read(p11, object, &attribute) == CKR_OK && attribute.ulValueLen > length &&
           memcmp(label, TRIAL_LABEL_PREFIX, length) == 0;
}

struct tally {
    size_t others; /* objects of the token that are not a trial's */
    size_t destroyed;
};

static enum error tidy(struct p11 *p11, struct tally *ret_tally, struct fault *fault)
{
    static CK_OBJECT_HANDLE handles[OBJECTS_MAX]; /* one child, one thread */
    CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, sizeof yes}};
    struct p11_found found = {.handles = handles, .max = OBJECTS_MAX};
    struct tally tally = {0};
    enum error e = p11_find(p11, template, 1, &found, fault);
    for (size_t i = 0; i < found.count && e == ERR_OK; i++) {
        CK_RV rv = CKR_OK;
        if (!is_ours(p11, handles[i])) {
            tally.others++;
            continue;
        }
        rv = p11->call->C_DestroyObject(p11->session, handles[i]);
        tally.destroyed++;
        if (rv != CKR_OK)
            e = p11_fail(p11, rv, fault);
    }
    if (tally.destroyed > 0)
        p11_make_durable();
    if (e == ERR_OK)
        *ret_tally = tally;
    return e;
}

void trial_leftovers(struct trial *trial)
{
    struct fault fault = {0};
    struct tally tally = {0};
    if (!trial_begin(trial))
        return;
    if (tidy(&trial->p11, &tally, &fault) != ERR_OK) {
        trial_say_fault(trial, &fault);
    } else {
        trial_say_number(trial, (int64_t)tally.others);
        trial_say_detail(trial, "objects", "%zu", tally.others);
        trial_say_detail(trial, "destroyed", "%zu", tally.destroyed);
        if (tally.destroyed > 0)
            trial_say(trial, TRIAL_WORKS, "", "", "%zu of an ended run destroyed", tally.destroyed);
        else
            trial_say(trial, TRIAL_WORKS, "", "", "none");
    }
    trial_close(trial);
}

void trial_as_before(struct trial *trial)
{
    struct fault fault = {0};
    struct tally tally = {0};
    if (!trial_begin(trial))
        return;
    if (tidy(&trial->p11, &tally, &fault) != ERR_OK) {
        trial_say_fault(trial, &fault);
    } else if (trial->object_count >= 0 && (size_t)trial->object_count != tally.others) {
        trial_say(
            trial, TRIAL_LIMITED, "objects-differ",
            "Somebody else uses this token, or the module keeps what was destroyed: look with "
            "its own tool.",
            "%zu objects, and %lld before", tally.others, (long long)trial->object_count);
    } else {
        trial_say(trial, TRIAL_WORKS, "", "", "%zu objects, as at the beginning", tally.others);
    }
    trial_say_detail(trial, "objects", "%zu", tally.others);
    trial_close(trial);
}
