/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl station|operator|auditor|administrator|metrics add, enable, disable, narrow,
 * key add and key remove. The first word is the role. Owns no state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/certificate.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/output.h"
#include "cli/principal.h"
#include "cli/text.h"

#define WORDS_MAX 1024

/* ---- add, key add, key remove ---- */

/* What happened to a key, as a sentence around the principal's name and the key. */
static enum error print_key(const struct arguments *arguments, const struct sha256 *key,
                            const char *happened, struct failure *failure)
{
    const struct principal_role *role = principal_role_of(arguments);
    const char *name = arguments->operands[0];
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(key->bytes, SHA256_SIZE), hex);
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(
            json_pack("{s:s, s:s, s:s}", "name", name, "role", role->word, "key", hex), failure);
    (void)printf("%s %s %s %s.\n", role->title, name, happened, hex);
    return ERR_OK;
}

/* Sends the certificate with which the command was called; *ret_key is its key. */
typedef enum error (*certificate_sender)(const struct arguments *arguments, const char *certificate,
                                         struct sha256 *ret_key, struct failure *failure);

static enum error send_certificate(const struct arguments *arguments, certificate_sender sender,
                                   const char *happened, struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_CERTIFICATE);
    char *certificate = NULL;
    struct sha256 key;
    enum error e = file_input_read_pem(path, &certificate, failure);
    if (e == ERR_OK)
        e = sender(arguments, certificate, &key, failure);
    if (e == ERR_OK)
        certificate_warn(path, certificate);
    free(certificate);
    return e == ERR_OK ? print_key(arguments, &key, happened, failure) : e;
}

enum error command_principal_add(const struct arguments *arguments, struct failure *failure)
{
    principal_warn_products(arguments);
    return send_certificate(arguments, principal_enrol, "added, known by key", failure);
}

/* certificate adds its key, NULL removes *key. */
static enum error ask_key(const struct arguments *arguments, const char *certificate,
                          const struct sha256 *key, struct sha256 *ret_key, struct failure *failure)
{
    Provisiond__PrincipalKeyRequest change = PROVISIOND__PRINCIPAL_KEY_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    change.name = (char *)arguments->operands[0];
    change.role = principal_role_of(arguments)->role;
    if (certificate != NULL)
        change.certificate = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)certificate,
                                                   .len = strlen(certificate)};
    else
        change.remove_spki =
            (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)key->bytes, .len = SHA256_SIZE};
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_KEY;
    request.principal_key = &change;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    return e == ERR_OK ? admin_read_digest(reply->principal_key->spki, ret_key, failure) : e;
}

static enum error send_key(const struct arguments *arguments, const char *certificate,
                           struct sha256 *ret_key, struct failure *failure)
{
    return ask_key(arguments, certificate, NULL, ret_key, failure);
}

enum error command_principal_key_add(const struct arguments *arguments, struct failure *failure)
{
    return send_certificate(arguments, send_key, "is known as well by key", failure);
}

enum error command_principal_key_remove(const struct arguments *arguments, struct failure *failure)
{
    struct sha256 key;
    if (!hex_decode(arguments->operands[1], key.bytes, SHA256_SIZE))
        return failure_set_usage(
            failure, "%s is no key; it is 64 hex digits, as provctl %s show prints them",
            arguments->operands[1], principal_role_of(arguments)->word);
    enum error e = ask_key(arguments, NULL, &key, &key, failure);
    return e == ERR_OK ? print_key(arguments, &key, "is no longer known by key", failure) : e;
}

/* ---- enable and disable ---- */

static enum error set_enabled(const struct arguments *arguments, bool is_enabled,
                              struct failure *failure)
{
    Provisiond__PrincipalEnableRequest enable = PROVISIOND__PRINCIPAL_ENABLE_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    const struct principal_role *role = principal_role_of(arguments);
    enable.name = (char *)arguments->operands[0];
    enable.enabled = is_enabled;
    enable.role = role->role;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_ENABLE;
    request.principal_enable = &enable;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:s, s:s, s:b}", "name", enable.name, "role", role->word,
                                     "enabled", (int)is_enabled),
                           failure);
    (void)printf("%s %s is %s.\n", role->title, enable.name, is_enabled ? "enabled" : "disabled");
    return ERR_OK;
}

enum error command_principal_enable(const struct arguments *arguments, struct failure *failure)
{
    return set_enabled(arguments, true, failure);
}

enum error command_principal_disable(const struct arguments *arguments, struct failure *failure)
{
    return set_enabled(arguments, false, failure);
}

/* ---- narrow ---- */

static enum error check_narrowing(const struct arguments *arguments, struct failure *failure)
{
    const bool has_products = arguments_has(arguments, OPTION_SCOPE_PRODUCT);
    const bool has_lines = arguments_has(arguments, OPTION_SCOPE_LINE);
    const bool has_all_products = arguments_has(arguments, OPTION_ALL_PRODUCTS);
    const bool has_all_lines = arguments_has(arguments, OPTION_ALL_LINES);
    if ((has_products && has_all_products) || (has_lines && has_all_lines))
        return failure_set_usage(failure, "--product and --all-products, --line and --all-lines: "
                                          "give one of two");
    if (!has_products && !has_lines && !has_all_products && !has_all_lines)
        return failure_set_usage(failure, "Say what it is narrowed to: --product NAME or "
                                          "--all-products, --line TEXT or --all-lines");
    return ERR_OK;
}

/* What the options of the line say in place of what is: a whole list, or nothing of it. The vault
 * decides about a list that is kept: it may have changed since it was asked for. */
static size_t choose(const struct arguments *arguments, enum option_id option, enum option_id all,
                     const json_t *present, const char *out[ARGUMENTS_LIST_MAX])
{
    size_t count = arguments_list(arguments, option, out);
    if (count > 0 || arguments_has(arguments, all))
        return count;
    for (; count < json_array_size(present) && count < ARGUMENTS_LIST_MAX; count++)
        out[count] = json_string_value(json_array_get(present, count));
    return count;
}

static json_t *to_json(const char *const *texts, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(array, output_text(texts[i]));
    return array;
}

/* The lists as they are now; of one that was not named, as it was a moment before. */
static enum error print_narrowed(const struct arguments *arguments, const json_t *present,
                                 struct failure *failure)
{
    const struct principal_role *role = principal_role_of(arguments);
    char products[WORDS_MAX];
    char lines[WORDS_MAX];
    char escaped[WORDS_MAX];
    const char *texts[ARGUMENTS_LIST_MAX];
    size_t count = choose(arguments, OPTION_SCOPE_PRODUCT, OPTION_ALL_PRODUCTS,
                          json_object_get(present, "products"), texts);
    json_t *named = to_json(texts, count);
    count = choose(arguments, OPTION_SCOPE_LINE, OPTION_ALL_LINES,
                   json_object_get(present, "lines"), texts);
    json_t *object = json_pack("{s:s, s:s, s:o, s:o}", "name", arguments->operands[0], "role",
                               role->word, "products", named, "lines", to_json(texts, count));
    if (object == NULL || arguments_has(arguments, OPTION_JSON))
        return output_json(object, failure);
    principal_join(json_object_get(object, "products"), "all", products, sizeof products);
    principal_join(json_object_get(object, "lines"), "all", lines, sizeof lines);
    json_decref(object);
    text_escape(lines, escaped, sizeof escaped);
    (void)printf("%s %s: products %s; lines %s.\n", role->title, arguments->operands[0], products,
                 escaped);
    return ERR_OK;
}

/* present is what the principal is narrowed to now. */
static enum error narrow(const struct arguments *arguments, const json_t *present,
                         struct failure *failure)
{
    Provisiond__PrincipalNarrowRequest change = PROVISIOND__PRINCIPAL_NARROW_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    const char *products[ARGUMENTS_LIST_MAX];
    const char *lines[ARGUMENTS_LIST_MAX];
    change.name = (char *)arguments->operands[0];
    change.role = principal_role_of(arguments)->role;
    change.n_products = arguments_list(arguments, OPTION_SCOPE_PRODUCT, products);
    change.products = (char **)products;
    change.keep_products = change.n_products == 0 && !arguments_has(arguments, OPTION_ALL_PRODUCTS);
    change.n_lines = arguments_list(arguments, OPTION_SCOPE_LINE, lines);
    change.lines = (char **)lines;
    change.keep_lines = change.n_lines == 0 && !arguments_has(arguments, OPTION_ALL_LINES);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_NARROW;
    request.principal_narrow = &change;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    return e == ERR_OK ? print_narrowed(arguments, present, failure) : e;
}

enum error command_principal_narrow(const struct arguments *arguments, struct failure *failure)
{
    json_t *principals = NULL;
    enum error e = check_narrowing(arguments, failure);
    if (e == ERR_OK)
        e = principal_ask_vault(arguments, arguments->operands[0], &principals, failure);
    if (e == ERR_OK && json_array_size(principals) != 1)
        e = failure_set(failure, ERR_PRINCIPAL_UNKNOWN, "There is no %s of this name",
                        principal_role_of(arguments)->word);
    if (e == ERR_OK) {
        principal_warn_products(arguments);
        e = narrow(arguments, json_array_get(principals, 0), failure);
    }
    json_decref(principals);
    return e;
}
