/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The limits of docs/profiles/st-sfi.md as usage errors. Owns no state. */
#include "cli/st_options.h"

#include <string.h>

#include <jansson.h>

#include "cli/text.h"
#include "core/bytes.h"

#define PRODUCT_ID_DIGITS   8
#define PRODUCT_ID_ZERO     5 /* the place of the digit that is always 0 */
#define LICENSE_TYPE_BYTES  4
#define KDF_KEY_BYTES       16
#define KDF_PART_BYTES      32 /* of the KDF's output, that key and IV are taken from */
#define KDF_IV_MIN          12
#define KDF_IV_MAX          16

#define REFERENCE_TYPE      "SFI."
#define REFERENCE_IV_OFFSET 16
#define REFERENCE_IV_BYTES  12

static enum error read_product_id(const struct arguments *arguments, Provisiond__StOptions *message,
                                  struct failure *failure)
{
    const char *text = arguments_get(arguments, OPTION_ST_PRODUCT_ID);
    if (text == NULL)
        return failure_set_usage(failure, "--profile st-sfi wants --st-product-id ID as well");
    if (strlen(text) != PRODUCT_ID_DIGITS ||
        strspn(text, "0123456789ABCDEF") != PRODUCT_ID_DIGITS || text[PRODUCT_ID_ZERO] != '0')
        return failure_set_usage(failure, "--st-product-id wants 8 upper-case hex digits with 0 as "
                                          "the sixth, as a chip's certificate begins: 45002000");
    message->product_id = (char *)text;
    return ERR_OK;
}

static enum error read_signed(const struct arguments *arguments, Provisiond__StOptions *message,
                              struct failure *failure)
{
    const char *text = arguments_get_or(arguments, OPTION_ST_SIGNED, "id-and-key");
    message->signs_key_only = strcmp(text, "key") == 0;
    if (message->signs_key_only || strcmp(text, "id-and-key") == 0)
        return ERR_OK;
    return failure_set_usage(failure, "--st-signed is id-and-key or key");
}

static enum error read_kdf_info(const struct arguments *arguments, struct st_options *options,
                                struct failure *failure)
{
    const char *text = arguments_get(arguments, OPTION_ST_KDF_INFO);
    size_t length = 0;
    if (text == NULL)
        return ERR_OK;
    if (!text_parse_hex(text, options->kdf_info, ST_KDF_INFO_MAX, &length))
        return failure_set_usage(failure, "--st-kdf-info wants 1 to 64 bytes as hex digits");
    options->message.kdf_shared_info =
        (ProtobufCBinaryData){.data = options->kdf_info, .len = length};
    return ERR_OK;
}

/* Three numbers with commas between them. */
static bool parse_layout(const char *text, int64_t numbers[3])
{
    for (size_t i = 0; i < 3; i++) {
        char number[4];
        size_t length = strcspn(text, ",");
        if (length >= sizeof number || (text[length] == ',') != (i < 2))
            return false;
        memcpy(number, text, length);
        number[length] = '\0';
        if (!text_parse_number(number, 0, KDF_PART_BYTES, &numbers[i]))
            return false;
        text += length + 1;
    }
    return true;
}

static enum error read_layout(const struct arguments *arguments, Provisiond__StOptions *message,
                              struct failure *failure)
{
    const char *text = arguments_get(arguments, OPTION_ST_KDF_LAYOUT);
    int64_t numbers[3];
    if (text == NULL)
        return ERR_OK;
    if (!parse_layout(text, numbers))
        return failure_set_usage(failure, "--st-kdf-layout wants three numbers: the offsets of key "
                                          "and IV, and the bytes of the IV, such as 0,16,12");
    int64_t key = numbers[0];
    int64_t iv = numbers[1];
    int64_t bytes = numbers[2];
    if (bytes < KDF_IV_MIN || bytes > KDF_IV_MAX)
        return failure_set_usage(failure, "--st-kdf-layout: the IV has 12 to 16 bytes");
    if (key + KDF_KEY_BYTES > KDF_PART_BYTES || iv + bytes > KDF_PART_BYTES)
        return failure_set_usage(failure, "--st-kdf-layout: key (16 bytes) and IV must end within "
                                          "the first 32 bytes of the KDF's output");
    if (key < iv + bytes && iv < key + KDF_KEY_BYTES)
        return failure_set_usage(failure, "--st-kdf-layout: key (16 bytes) and IV must not share "
                                          "bytes");
    message->kdf_key_offset = (uint32_t)key;
    message->kdf_iv_offset = (uint32_t)iv;
    message->kdf_iv_bytes = (uint32_t)bytes;
    return ERR_OK;
}

static enum error read_license_type(const struct arguments *arguments,
                                    Provisiond__StOptions *message, struct failure *failure)
{
    const char *text = arguments_get(arguments, OPTION_ST_LICENSE_TYPE);
    if (text == NULL)
        return ERR_OK;
    bool is_printable = strlen(text) == LICENSE_TYPE_BYTES;
    for (const char *c = text; *c != '\0' && is_printable; c++)
        is_printable = *c >= ' ' && *c <= '~';
    if (!is_printable)
        return failure_set_usage(failure, "--st-license-type wants 4 ASCII characters");
    message->license_type = (char *)text;
    return ERR_OK;
}

static enum error read_boot_version(const struct arguments *arguments,
                                    Provisiond__StOptions *message, struct failure *failure)
{
    int64_t version = 0;
    if (!arguments_has(arguments, OPTION_ST_BOOT_VERSION))
        return ERR_OK;
    enum error e =
        arguments_get_number(arguments, OPTION_ST_BOOT_VERSION, 0, UINT32_MAX, &version, failure);
    message->minimum_boot_version = (uint32_t)version;
    return e;
}

/* The profile may be the mistake as well as the option. */
static enum error refuse_any(const struct arguments *arguments, struct failure *failure)
{
    const enum option_id wrong = arguments_first(arguments, OPTIONS(ST_OPTIONS));
    if (wrong == OPTION_COUNT)
        return ERR_OK;
    return failure_set_usage(failure, "--%s belongs to --profile " ST_PROFILE,
                             arguments_name(wrong));
}

enum error st_options_read(const struct arguments *arguments, bool is_st_sfi,
                           struct st_options *options, struct failure *failure)
{
    *options = (struct st_options){.message = PROVISIOND__ST_OPTIONS__INIT};
    if (!is_st_sfi)
        return refuse_any(arguments, failure);
    enum error e = read_product_id(arguments, &options->message, failure);
    if (e == ERR_OK)
        e = read_signed(arguments, &options->message, failure);
    if (e == ERR_OK)
        e = read_kdf_info(arguments, options, failure);
    if (e == ERR_OK)
        e = read_layout(arguments, &options->message, failure);
    if (e == ERR_OK)
        e = read_license_type(arguments, &options->message, failure);
    if (e == ERR_OK)
        e = read_boot_version(arguments, &options->message, failure);
    return e;
}

/* ---- as the vault keeps them ---- */

static json_t *layout_json(const Provisiond__StOptions *message)
{
    bool is_given = message->kdf_iv_bytes != 0;
    json_int_t iv = is_given ? message->kdf_iv_offset : REFERENCE_IV_OFFSET;
    json_int_t bytes = is_given ? message->kdf_iv_bytes : REFERENCE_IV_BYTES;
    return json_pack("{s:I, s:I, s:I}", "kdf_key_offset", (json_int_t)message->kdf_key_offset,
                     "kdf_iv_offset", iv, "kdf_iv_bytes", bytes);
}

static json_t *settings_json(const Provisiond__StOptions *message)
{
    char info[2 * ST_KDF_INFO_MAX + 1] = ST_REFERENCE_INFO;
    const char *type = message->license_type[0] != '\0' ? message->license_type : REFERENCE_TYPE;
    if (message->kdf_shared_info.len > 0)
        hex_encode(bytes_of(message->kdf_shared_info.data, message->kdf_shared_info.len), info);
    json_t *settings = layout_json(message);
    json_t *others = json_pack("{s:s, s:s, s:s, s:I, s:s}", "product_id", message->product_id,
                               "signed", message->signs_key_only ? "key" : "id-and-key",
                               "license_type", type, "minimum_boot_version",
                               (json_int_t)message->minimum_boot_version, "kdf_shared_info", info);
    bool is_made = json_object_update(settings, others) == 0;
    json_decref(others);
    if (is_made)
        return settings;
    json_decref(settings);
    return NULL;
}

enum error st_options_settings(const struct st_options *options, char *out, size_t size,
                               struct failure *failure)
{
    json_t *settings = settings_json(&options->message);
    size_t length = json_dumpb(settings, out, size - 1, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(settings);
    if (length == 0 || length >= size)
        return failure_set_memory(failure);
    out[length] = '\0';
    return ERR_OK;
}
