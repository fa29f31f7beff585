/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Both forms of a license, opened over libcrypto. Owns no state. */
#include "rig/chip/license.h"

#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

/* Offsets in a license. */
#define LICENSE_TYPE       0
#define LICENSE_SESSION    4
#define LICENSE_VERSION    8
#define LICENSE_BOOT       12
#define LICENSE_RESERVED   16
#define LICENSE_EPHEMERAL  24
#define LICENSE_ENCRYPTED  88
#define LICENSE_TAG        120
#define RESERVED_BYTES     8
#define EPHEMERAL_BYTES    64
#define ENCRYPTED_BYTES    32
#define ENCRYPTED_IV_BYTES 16 /* nonce and four zeros; the key follows */

#define KDF_BYTES          64
#define KDF_PART_BYTES     32 /* key and IV are parts of the first half */
#define SECRET_BYTES       32 /* the X coordinate on P-256 */

/* ---- the boot ROM's constants ---- */

struct chip_rom chip_rom_reference(void)
{
    static const char info[] = "provisiond-st-sfi-reference-1";
    struct chip_rom rom = {.kdf_info_length = sizeof info - 1,
                           .key_offset = 0,
                           .iv_offset = CHIP_KEY_BYTES,
                           .iv_bytes = CHIP_NONCE_BYTES,
                           .type = {'S', 'F', 'I', '.'}};
    memcpy(rom.kdf_info, info, sizeof info - 1);
    return rom;
}

bool chip_rom_is_valid(const struct chip_rom *rom)
{
    bool is_inside = rom->kdf_info_length >= 1 && rom->kdf_info_length <= sizeof rom->kdf_info &&
                     rom->iv_bytes >= CHIP_NONCE_BYTES && rom->iv_bytes <= CHIP_KEY_BYTES &&
                     rom->key_offset <= KDF_PART_BYTES - CHIP_KEY_BYTES &&
                     rom->iv_offset <= KDF_PART_BYTES - rom->iv_bytes;
    return is_inside && (rom->key_offset + CHIP_KEY_BYTES <= rom->iv_offset ||
                         rom->iv_offset + rom->iv_bytes <= rom->key_offset);
}

/* ---- st-sfi ---- */

/* A public key from X and Y; NULL unless the point is on P-256. */
static EVP_PKEY *take_point(const uint8_t *coordinates)
{
    char group[] = "P-256";
    uint8_t point[1 + EPHEMERAL_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    EVP_PKEY *key = NULL;
    memcpy(point + 1, coordinates, EPHEMERAL_BYTES);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

static bool agree(EVP_PKEY *pair, EVP_PKEY *peer, uint8_t out[SECRET_BYTES])
{
    size_t length = SECRET_BYTES;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pair, NULL);
    bool is_agreed = context != NULL && EVP_PKEY_derive_init(context) == 1 &&
                     EVP_PKEY_derive_set_peer(context, peer) == 1 &&
                     EVP_PKEY_derive(context, out, &length) == 1 && length == SECRET_BYTES;
    EVP_PKEY_CTX_free(context);
    return is_agreed;
}

static bool derive(const struct chip_rom *rom, uint8_t secret[SECRET_BYTES], uint8_t out[KDF_BYTES])
{
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, SECRET_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)rom->kdf_info,
                                          rom->kdf_info_length),
        OSSL_PARAM_construct_end()};
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "X963KDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    bool is_derived = context != NULL && EVP_KDF_derive(context, out, KDF_BYTES, parameters) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return is_derived;
}

/* K of the page, from the license's ephemeral key and the chip's own. */
static bool make_keys(EVP_PKEY *pair, const struct chip_rom *rom, const uint8_t *license,
                      uint8_t ret_keys[KDF_BYTES])
{
    uint8_t secret[SECRET_BYTES];
    EVP_PKEY *peer = take_point(license + LICENSE_EPHEMERAL);
    bool is_made = peer != NULL && agree(pair, peer, secret) && derive(rom, secret, ret_keys);
    EVP_PKEY_free(peer);
    OPENSSL_cleanse(secret, sizeof secret);
    ERR_clear_error();
    return is_made;
}

static const char *check_fields(const struct chip_rom *rom, struct bytes license)
{
    static const uint8_t zeros[RESERVED_BYTES];
    if (license.length != CHIP_LICENSE_BYTES)
        return "A license has 136 bytes.";
    const uint8_t *p = license.data;
    if (memcmp(p + LICENSE_TYPE, rom->type, sizeof rom->type) != 0)
        return "The license is of another type.";
    if (chip_get_u32(p + LICENSE_VERSION) != 1)
        return "The license is of another version.";
    if (chip_get_u32(p + LICENSE_SESSION) != 0 ||
        memcmp(p + LICENSE_RESERVED, zeros, sizeof zeros) != 0)
        return "The license uses fields that are reserved.";
    if (chip_get_u32(p + LICENSE_BOOT) > rom->boot_version)
        return "The license asks for a newer first boot stage.";
    return NULL;
}

static bool take_session(const uint8_t opened[ENCRYPTED_BYTES], struct chip_session *ret_session)
{
    static const uint8_t zeros[ENCRYPTED_IV_BYTES - CHIP_NONCE_BYTES];
    if (memcmp(opened + CHIP_NONCE_BYTES, zeros, sizeof zeros) != 0)
        return false;
    memcpy(ret_session->nonce, opened, CHIP_NONCE_BYTES);
    memcpy(ret_session->key, opened + ENCRYPTED_IV_BYTES, CHIP_KEY_BYTES);
    return true;
}

const char *chip_license_open(EVP_PKEY *pair, const struct chip_rom *rom, struct bytes license,
                              struct chip_session *ret_session)
{
    uint8_t keys[KDF_BYTES];
    uint8_t opened[ENCRYPTED_BYTES];
    const char *why = check_fields(rom, license);
    if (why != NULL)
        return why;
    if (!make_keys(pair, rom, license.data, keys))
        return "The license's ephemeral key is no point on P-256.";
    struct chip_gcm message = {.key = keys + rom->key_offset,
                               .iv = bytes_of(keys + rom->iv_offset, rom->iv_bytes),
                               .aad = {bytes_of(license.data, LICENSE_ENCRYPTED),
                                       bytes_of(keys + KDF_PART_BYTES, KDF_BYTES - KDF_PART_BYTES)},
                               .text = bytes_of(license.data + LICENSE_ENCRYPTED, ENCRYPTED_BYTES),
                               .tag = license.data + LICENSE_TAG};
    if (!chip_gcm_open(&message, opened, NULL))
        why = "The license is not for this chip, or was changed.";
    else if (!take_session(opened, ret_session))
        why = "The license's nonce is longer than 12 bytes.";
    OPENSSL_cleanse(keys, sizeof keys);
    OPENSSL_cleanse(opened, sizeof opened);
    return why;
}

/* ---- cms ---- */

/* EnvelopedData would do without a tag, and other kinds of recipients without this chip's key. */
static bool is_our_form(CMS_ContentInfo *cms)
{
    if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_id_smime_ct_authEnvelopedData)
        return false;
    STACK_OF(CMS_RecipientInfo) *recipients = CMS_get0_RecipientInfos(cms);
    return sk_CMS_RecipientInfo_num(recipients) == 1 &&
           CMS_RecipientInfo_type(sk_CMS_RecipientInfo_value(recipients, 0)) == CMS_RECIPINFO_AGREE;
}

const char *chip_license_open_cms(EVP_PKEY *pair, struct bytes license, CMS_ContentInfo **ret_cms)
{
    const unsigned char *p = license.data;
    const char *why = NULL;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)license.length);
    if (cms == NULL || p != license.data + license.length || !is_our_form(cms))
        why = "The license is no CMS message of authenticated content for one device.";
    else if (CMS_decrypt_set1_pkey(cms, pair, NULL) != 1)
        why = "The license is not for this chip, or was changed.";
    ERR_clear_error();
    if (why != NULL)
        CMS_ContentInfo_free(cms);
    else
        *ret_cms = cms;
    return why;
}

bool chip_license_decrypt_cms(CMS_ContentInfo *cms, struct bytes image, uint8_t *out)
{
    char *plain = NULL;
    BIO *content = image.length <= INT_MAX ? BIO_new_mem_buf(image.data, (int)image.length) : NULL;
    BIO *memory = BIO_new(BIO_s_mem());
    bool is_right = content != NULL && memory != NULL &&
                    CMS_decrypt(cms, NULL, NULL, content, memory, CMS_BINARY) == 1;
    long length = memory != NULL ? BIO_get_mem_data(memory, &plain) : 0;
    is_right = is_right && (size_t)length == image.length;
    if (is_right && length > 0)
        memcpy(out, plain, image.length);
    if (length > 0)
        OPENSSL_cleanse(plain, (size_t)length);
    BIO_free(content);
    BIO_free(memory);
    ERR_clear_error();
    return is_right;
}
