/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl device rebind: a board that got a new chip. Owns no state. */
#include <stdio.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/text.h"

static enum error read_key(const struct arguments *arguments, enum option_id option,
                           struct sha256 *ret_key, struct failure *failure)
{
    size_t length = 0;
    if (text_parse_hex(arguments_get(arguments, option), ret_key->bytes, SHA256_SIZE, &length) &&
        length == SHA256_SIZE)
        return ERR_OK;
    return failure_set_usage(failure,
                             "--%s wants 64 hex digits: the SHA-256 of the key's "
                             "SubjectPublicKeyInfo, as the journal names a device",
                             arguments_name(option));
}

static enum error read_keys(const struct arguments *arguments, struct sha256 keys[2],
                            struct failure *failure)
{
    enum error e = read_key(arguments, OPTION_OLD_KEY, &keys[0], failure);
    if (e == ERR_OK)
        e = read_key(arguments, OPTION_NEW_KEY, &keys[1], failure);
    if (e == ERR_OK && sha256_equal(&keys[0], &keys[1]))
        e = failure_set_usage(failure, "--old-key and --new-key are the same key");
    if (e == ERR_OK && arguments_get(arguments, OPTION_SERIAL)[0] == '\0')
        e = failure_set_usage(failure, "--serial wants the device's serial number");
    return e;
}

static enum error print_rebound(const struct arguments *arguments, const struct sha256 keys[2],
                                struct failure *failure)
{
    const char *product = arguments->operands[0];
    const char *serial = arguments_get(arguments, OPTION_SERIAL);
    char old_key[SHA256_HEX_SIZE];
    char new_key[SHA256_HEX_SIZE];
    hex_encode(bytes_of(keys[0].bytes, SHA256_SIZE), old_key);
    hex_encode(bytes_of(keys[1].bytes, SHA256_SIZE), new_key);
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:o, s:s, s:s}", "product", output_text(product),
                                     "serial", output_text(serial), "old_key", old_key, "new_key",
                                     new_key),
                           failure);
    char escaped[4 * 64 + 1]; /* a serial is at most 64 bytes */
    text_escape(serial, escaped, sizeof escaped);
    (void)printf("%s: serial %s belongs to key %s now.\n"
                 "The new key is charged like any new device; the old one gets no license any "
                 "more.\n",
                 product, escaped, new_key);
    return ERR_OK;
}

enum error command_device_rebind(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__DeviceRebindRequest rebind = PROVISIOND__DEVICE_REBIND_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    struct sha256 keys[2];
    enum error e = read_keys(arguments, keys, failure);
    if (e != ERR_OK)
        return e;
    rebind.product = (char *)arguments->operands[0];
    rebind.serial = (char *)arguments_get(arguments, OPTION_SERIAL);
    rebind.old_key = (ProtobufCBinaryData){.data = keys[0].bytes, .len = SHA256_SIZE};
    rebind.new_key = (ProtobufCBinaryData){.data = keys[1].bytes, .len = SHA256_SIZE};
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_DEVICE_REBIND;
    request.device_rebind = &rebind;
    e = admin_ask(arguments, &request, -1, &reply, failure);
    return e == ERR_OK ? print_rebound(arguments, keys, failure) : e;
}
