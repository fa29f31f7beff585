/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Settings between message, struct and JSON text. Owns no state. */
#include "vault/product_options.h"

#include <assert.h>
#include <string.h>

#include <jansson.h>

#include "core/bytes.h"

static const char SIGNED_KEY[] = "key";
static const char SIGNED_ID_AND_KEY[] = "id-and-key";

static_assert(sizeof((struct license_st_settings *)0)->type == 4, "as the refusal says");

/* ---- from an administrator ---- */

static enum error refuse(const char *reason, const char *detail, struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

static bool type_is_printable(const char *text)
{
    for (size_t i = 0; i < sizeof((struct license_st_settings *)0)->type; i++) {
        if (text[i] < ' ' || text[i] > '~')
            return false;
    }
    return true;
}

static enum error take_device(const Provisiond__StOptions *message, struct st_expectation *device,
                              struct fault *fault)
{
    if (!st_product_id_is_valid(message->product_id))
        return refuse("product-id",
                      "A product ID is 8 upper-case hex digits, the sixth of them 0: 45002001.",
                      fault);
    strcpy(device->product_id, message->product_id);
    device->signs_key_only = message->signs_key_only;
    return ERR_OK;
}

static void take_layout(const Provisiond__StOptions *message, struct license_st_settings *license)
{
    if (message->kdf_iv_bytes == 0 && message->kdf_iv_offset == 0 && message->kdf_key_offset == 0)
        return;
    license->kdf_key_offset = message->kdf_key_offset;
    license->kdf_iv_offset = message->kdf_iv_offset;
    license->kdf_iv_bytes = message->kdf_iv_bytes;
}

static enum error take_license(const Provisiond__StOptions *message,
                               struct license_st_settings *license, struct fault *fault)
{
    if (message->license_type[0] != '\0') {
        if (strlen(message->license_type) != sizeof license->type ||
            !type_is_printable(message->license_type))
            return refuse("license-type", "A license type is 4 printable ASCII characters.", fault);
        memcpy(license->type, message->license_type, sizeof license->type);
    }
    if (message->kdf_shared_info.len > sizeof license->shared_info)
        return refuse("kdf-info", "The shared info of the KDF is 1 to 64 bytes.", fault);
    if (message->kdf_shared_info.len > 0) {
        memcpy(license->shared_info, message->kdf_shared_info.data, message->kdf_shared_info.len);
        license->shared_info_length = message->kdf_shared_info.len;
    }
    license->minimum_boot_version = message->minimum_boot_version;
    take_layout(message, license);
    if (!license_st_settings_are_valid(license))
        return refuse("kdf-layout",
                      "Key (16 bytes) and IV (12 to 16) are parts of the KDF's first 32 bytes that "
                      "do not overlap.",
                      fault);
    return ERR_OK;
}

enum error product_options_from_message(const Provisiond__StOptions *message,
                                        struct product_options *ret_options, struct fault *fault)
{
    struct product_options options = {.license = license_st_reference()};
    enum error e = take_device(message, &options.device, fault);
    if (e == ERR_OK)
        e = take_license(message, &options.license, fault);
    if (e == ERR_OK)
        *ret_options = options;
    return e;
}

/* ---- text ---- */

enum error product_options_encode(const struct product_options *options,
                                  char out[LEDGER_OPTIONS_MAX + 1], struct fault *fault)
{
    const struct license_st_settings *license = &options->license;
    char info[2 * LICENSE_ST_INFO_MAX + 1];
    hex_encode(bytes_of(license->shared_info, license->shared_info_length), info);
    json_t *json = json_pack(
        "{s:s, s:s, s:s%, s:I, s:s, s:I, s:I, s:I}", "product_id", options->device.product_id,
        "signed", options->device.signs_key_only ? SIGNED_KEY : SIGNED_ID_AND_KEY, "license_type",
        (const char *)license->type, sizeof license->type, "minimum_boot_version",
        (json_int_t)license->minimum_boot_version, "kdf_shared_info", info, "kdf_key_offset",
        (json_int_t)license->kdf_key_offset, "kdf_iv_offset", (json_int_t)license->kdf_iv_offset,
        "kdf_iv_bytes", (json_int_t)license->kdf_iv_bytes);
    size_t length =
        json != NULL ? json_dumpb(json, out, LEDGER_OPTIONS_MAX, JSON_COMPACT | JSON_SORT_KEYS) : 0;
    json_decref(json);
    if (length == 0 || length > LEDGER_OPTIONS_MAX)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    out[length] = '\0';
    return ERR_OK;
}

/* The members of the JSON object as they are read. */
struct members {
    const char *product_id;
    const char *coverage;
    const char *type;
    size_t type_length;
    json_int_t boot_version;
    const char *info;
    json_int_t key_offset;
    json_int_t iv_offset;
    json_int_t iv_bytes;
};

static bool unpack(json_t *json, struct members *members)
{
    return json_unpack_ex(json, NULL, JSON_STRICT, "{s:s, s:s, s:s%, s:I, s:s, s:I, s:I, s:I}",
                          "product_id", &members->product_id, "signed", &members->coverage,
                          "license_type", &members->type, &members->type_length,
                          "minimum_boot_version", &members->boot_version, "kdf_shared_info",
                          &members->info, "kdf_key_offset", &members->key_offset, "kdf_iv_offset",
                          &members->iv_offset, "kdf_iv_bytes", &members->iv_bytes) == 0;
}

static bool is_within(json_int_t number, json_int_t max)
{
    return number >= 0 && number <= max;
}

static bool take_members(const struct members *members, struct product_options *options)
{
    struct license_st_settings *license = &options->license;
    size_t digits = strlen(members->info);
    bool is_key = strcmp(members->coverage, SIGNED_KEY) == 0;
    if ((!is_key && strcmp(members->coverage, SIGNED_ID_AND_KEY) != 0) ||
        !st_product_id_is_valid(members->product_id) ||
        members->type_length != sizeof license->type ||
        !is_within(members->boot_version, UINT32_MAX) || digits / 2 > LICENSE_ST_INFO_MAX ||
        digits % 2 != 0 || !hex_decode(members->info, license->shared_info, digits / 2) ||
        !is_within(members->key_offset, UINT8_MAX) || !is_within(members->iv_offset, UINT8_MAX) ||
        !is_within(members->iv_bytes, UINT8_MAX))
        return false;
    strcpy(options->device.product_id, members->product_id);
    options->device.signs_key_only = is_key;
    memcpy(license->type, members->type, sizeof license->type);
    license->minimum_boot_version = (uint32_t)members->boot_version;
    license->shared_info_length = digits / 2;
    license->kdf_key_offset = (unsigned)members->key_offset;
    license->kdf_iv_offset = (unsigned)members->iv_offset;
    license->kdf_iv_bytes = (unsigned)members->iv_bytes;
    return license_st_settings_are_valid(license);
}

enum error product_options_parse(const char *text, struct product_options *ret_options,
                                 struct fault *fault)
{
    struct members members;
    struct product_options options = {0};
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool is_good = json != NULL && unpack(json, &members) && take_members(&members, &options);
    json_decref(json);
    if (!is_good)
        return fault_set(fault, ERR_CONFIG, "options",
                         "The product's settings in the ledger cannot be understood.", 0);
    *ret_options = options;
    return ERR_OK;
}
