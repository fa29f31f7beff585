/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The chip's cryptography is tests/support's, which shares no code with the product. */
#include "e2e/chip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support/st_sfi.h"

#define IMAGE_MAX_BYTES ((size_t)4 * 1024 * 1024)

void chip_make(const struct rig *rig, const char *product_id, struct chip *ret_chip)
{
    struct st_maker *maker = st_maker_read(rig->st_ca_key);
    ret_chip->chip =
        st_chip_new(maker, product_id != NULL ? product_id : rig->st_product_id, false);
    memcpy(ret_chip->certificate, st_chip_certificate(ret_chip->chip),
           sizeof ret_chip->certificate);
    st_maker_free(maker);
}

void chip_rename(const struct rig *rig, const char *product_id, struct chip *chip)
{
    struct st_maker *maker = st_maker_read(rig->st_ca_key);
    memcpy(chip->certificate, product_id, strlen(product_id));
    st_maker_sign(maker, chip->certificate, false);
    st_maker_free(maker);
}

void chip_clear(struct chip *chip)
{
    st_chip_free(chip->chip);
    chip->chip = NULL;
}

struct bytes chip_certificate(const struct chip *chip)
{
    return bytes_of(chip->certificate, sizeof chip->certificate);
}

void chip_take_license(const struct http_answer *answer, uint8_t out[ST_CHIP_LICENSE_BYTES])
{
    size_t length = 0;
    ck_assert_int_eq(
        base64_decode(http_text(answer, "license"), out, ST_CHIP_LICENSE_BYTES, &length), ERR_OK);
    ck_assert_uint_eq(length, ST_CHIP_LICENSE_BYTES);
}

static bool open_license(const struct chip *chip, const uint8_t license[ST_CHIP_LICENSE_BYTES],
                         uint8_t iv[ST_CHIP_KEY_BYTES], uint8_t key[ST_CHIP_KEY_BYTES])
{
    const struct st_kdf kdf = st_kdf_reference();
    return st_chip_open(chip->chip, &kdf, license, iv, key);
}

bool chip_opens(const struct chip *chip, const uint8_t license[ST_CHIP_LICENSE_BYTES])
{
    uint8_t iv[ST_CHIP_KEY_BYTES];
    uint8_t key[ST_CHIP_KEY_BYTES];
    return open_license(chip, license, iv, key);
}

static void place(const struct st_sfi_part *part, struct chip_memory *memory)
{
    if (part->type == 'C') {
        ck_assert_uint_le(part->content.length, sizeof memory->options);
        memcpy(memory->options, part->content.data, part->content.length);
        memory->options_length = part->content.length;
        return;
    }
    ck_assert_int_eq(part->type, 'F');
    ck_assert_uint_ge(part->address, CHIP_FLASH_BASE);
    ck_assert_uint_le(part->address - CHIP_FLASH_BASE + part->content.length, CHIP_FLASH_BYTES);
    memcpy(memory->flash + (part->address - CHIP_FLASH_BASE), part->content.data,
           part->content.length);
}

static struct bytes read_image(const char *path, uint8_t *buffer)
{
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size_t length = fread(buffer, 1, IMAGE_MAX_BYTES, file);
    (void)fclose(file);
    return bytes_of(buffer, length);
}

void chip_install(const struct chip *chip, const uint8_t license[ST_CHIP_LICENSE_BYTES],
                  const char *image_path, struct chip_memory *memory)
{
    uint8_t iv[ST_CHIP_KEY_BYTES];
    uint8_t key[ST_CHIP_KEY_BYTES];
    struct st_sfi_opened opened;
    uint8_t *buffer = malloc(IMAGE_MAX_BYTES);
    ck_assert_ptr_nonnull(buffer);
    ck_assert(open_license(chip, license, iv, key));
    ck_assert(st_sfi_open(read_image(image_path, buffer), key, iv, &opened));
    memset(memory->flash, 0xff, sizeof memory->flash);
    memory->areas = opened.count;
    for (size_t i = 0; i < opened.count; i++)
        place(&opened.parts[i], memory);
    st_sfi_opened_clear(&opened);
    free(buffer);
}
