/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl station enroll, and the same for the other roles: a key, a certificate, an enrolment.
 *
 * In that order, and after the vault was asked whether it is there and knows the name, so that a
 * refusal leaves nothing: what was written is removed. When the vault's answer is lost, the files
 * stay, whatever it says then: the enrolment may be under way still. Owns no state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/certificate.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/issuer.h"
#include "cli/key_pair.h"
#include "cli/output.h"
#include "cli/principal.h"
#include "cli/site_ca.h"

#define DAYS_DEFAULT 365

/* ---- what to copy ---- */

/* pair is NULL when the certificate came from elsewhere. */
static enum error print_enrolled(const struct arguments *arguments, const struct sha256 *key,
                                 const struct key_pair *pair, const char *end,
                                 struct failure *failure)
{
    const struct principal_role *role = principal_role_of(arguments);
    const char *name = arguments->operands[0];
    const char *certificate =
        pair != NULL ? pair->certificate : arguments_get(arguments, OPTION_CERTIFICATE);
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(key->bytes, SHA256_SIZE), hex);
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(
            json_pack("{s:s, s:s, s:s, s:o, s:o*, s:s*}", "name", name, "role", role->word, "key",
                      hex, "certificate", output_text(certificate), "private_key",
                      pair != NULL ? output_text(pair->key) : NULL, "valid_until", end),
            failure);
    (void)printf("%s %s enrolled, known by key %s.\n", role->title, name, hex);
    (void)printf("Copy to its machine:\n  %s  its certificate (--cert)%s%s\n", certificate,
                 end != NULL ? ", valid until " : "", end != NULL ? end : "");
    if (pair != NULL)
        (void)printf("  %s  its private key (--key), which nobody else may read\n", pair->key);
    (void)puts("and the certificate of the CA that signed the server's own (--ca).");
    return ERR_OK;
}

/* ---- with a certificate from elsewhere ---- */

static enum error enroll_certificate(const struct arguments *arguments, struct failure *failure)
{
    char *certificate = NULL;
    struct sha256 key;
    enum error e =
        file_input_read_pem(arguments_get(arguments, OPTION_CERTIFICATE), &certificate, failure);
    if (e == ERR_OK)
        e = principal_enrol(arguments, certificate, &key, failure);
    if (e == ERR_OK)
        certificate_warn(arguments_get(arguments, OPTION_CERTIFICATE), certificate);
    free(certificate);
    return e == ERR_OK ? print_enrolled(arguments, &key, NULL, NULL, failure) : e;
}

/* ---- with a CA ---- */

/* Whether the vault answers and the name is free, before anything is made. */
static enum error check_vault(const struct arguments *arguments, struct failure *failure)
{
    json_t *principals = NULL;
    enum error e = principal_ask_vault(arguments, arguments->operands[0], &principals, failure);
    bool is_taken = json_array_size(principals) > 0;
    json_decref(principals);
    if (e == ERR_PRINCIPAL_UNKNOWN)
        return ERR_OK;
    if (e == ERR_OK && is_taken)
        return failure_set_plain(failure, ERR_CONFLICT,
                                 "There is a %s of this name already. Another key for it is added "
                                 "with provctl %s key add",
                                 principal_role_of(arguments)->word,
                                 principal_role_of(arguments)->word);
    return e;
}

static bool knows_key(const json_t *principals, const struct sha256 *key)
{
    char hex[SHA256_HEX_SIZE];
    const json_t *keys = json_object_get(json_array_get(principals, 0), "keys");
    bool is_found = false;
    hex_encode(bytes_of(key->bytes, SHA256_SIZE), hex);
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *text = json_object_get(json_array_get(keys, i), "key");
        is_found = is_found || strcmp(json_string_value(text), hex) == 0;
    }
    return is_found;
}

/* The answer was lost: asks whether it counts. */
static enum error ask_what_became(const struct arguments *arguments, const struct issued *issued,
                                  const struct key_pair *pair, struct failure *failure)
{
    struct failure second = {.code = ERR_OK};
    json_t *principals = NULL;
    enum error e = principal_ask_vault(arguments, arguments->operands[0], &principals, &second);
    bool is_enrolled = e == ERR_OK && knows_key(principals, &issued->spki);
    json_decref(principals);
    if (is_enrolled)
        return ERR_OK;
    return failure_set_plain(failure, ERR_INTERNAL,
                             "The vault did not answer in time, and may enrol %s still. Its files "
                             "stay. In a minute, see provctl %s show %s; if it is not there then, "
                             "provctl %s add %s --certificate %s",
                             arguments->operands[0], principal_role_of(arguments)->word,
                             arguments->operands[0], principal_role_of(arguments)->word,
                             arguments->operands[0], pair->certificate);
}

static enum error enrol_pair(const struct arguments *arguments, const struct issued *issued,
                             const struct key_pair *pair, struct failure *failure)
{
    struct sha256 key;
    enum error e = principal_enrol(arguments, issued->certificate, &key, failure);
    if (error_is_retryable(e) && e != ERR_BUSY) /* busy is a refusal: it did not begin */
        return ask_what_became(arguments, issued, pair, failure);
    if (e == ERR_OK && sha256_equal(&key, &issued->spki))
        return ERR_OK;
    if (e == ERR_OK)
        e = failure_set_plain(failure, ERR_INTERNAL,
                              "The vault enrolled another key than it was "
                              "given. Are the versions equal?");
    key_pair_remove(pair);
    return e;
}

static enum error issue(const struct arguments *arguments, struct issued *ret_issued,
                        struct failure *failure)
{
    ISSUER_AUTO issuer = NULL;
    int64_t days = DAYS_DEFAULT;
    enum error e = ERR_OK;
    if (arguments_has(arguments, OPTION_DAYS))
        e = arguments_get_number(arguments, OPTION_DAYS, 1, ISSUER_DAYS_MAX, &days, failure);
    if (e == ERR_OK)
        e = site_ca_open(arguments, &issuer, failure);
    return e == ERR_OK ? issuer_issue(issuer, arguments->operands[0], days, ret_issued, failure)
                       : e;
}

static enum error enroll_new(const struct arguments *arguments, struct failure *failure)
{
    ISSUED_AUTO issued = {.key = NULL};
    struct key_pair pair;
    enum error e = key_pair_name(arguments_get(arguments, OPTION_NEW_DIR), arguments->operands[0],
                                 &pair, failure);
    if (e == ERR_OK)
        e = issue(arguments, &issued, failure);
    if (e == ERR_OK)
        e = check_vault(arguments, failure);
    if (e == ERR_OK)
        e = key_pair_write(&pair, &issued, failure);
    if (e == ERR_OK)
        e = enrol_pair(arguments, &issued, &pair, failure);
    return e == ERR_OK ? print_enrolled(arguments, &issued.spki, &pair, issued.end, failure) : e;
}

enum error command_principal_enroll(const struct arguments *arguments, struct failure *failure)
{
    const bool has_certificate = arguments_has(arguments, OPTION_CERTIFICATE);
    const bool has_ca =
        arguments_has(arguments, OPTION_ISSUER) || arguments_has(arguments, OPTION_ISSUER_KEY) ||
        arguments_has(arguments, OPTION_DAYS) || arguments_has(arguments, OPTION_NEW_DIR);
    if (has_certificate && has_ca)
        return failure_set_usage(failure, "--certificate is from elsewhere: --out-dir, --ca, "
                                          "--ca-key and --days do not belong to it");
    if (!has_certificate && !arguments_has(arguments, OPTION_NEW_DIR))
        return failure_set_usage(failure, "Say where the new key goes: --out-dir DIR, or give a "
                                          "certificate from elsewhere: --certificate FILE");
    principal_warn_products(arguments);
    return has_certificate ? enroll_certificate(arguments, failure)
                           : enroll_new(arguments, failure);
}
