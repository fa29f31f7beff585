/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The reader of MCUboot's images: what it finds, what it takes out and puts in, what it refuses. */
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#include "image/mcuboot.h"
#include "support/sizes.h"

#define HEADER_BYTES  0x200
#define PAYLOAD_BYTES 1000
#define IMAGE_MAX     8192
#define HASH_TLV      0x10
#define KEY_HASH_TLV  0x01
#define SIGNATURE_TLV 0x22
#define SECURITY_TLV  0x50

static uint8_t bytes[IMAGE_MAX];
static size_t length;
static struct mcuboot_image image;
static uint8_t area[MCUBOOT_AREA_MAX_BYTES];
static size_t area_length;
static struct fault fault;

/* What an image shall be made of. */
struct making {
    uint32_t flags;
    bool is_protected; /* it has a protected area */
    bool has_key;      /* a TLV that imgtool made for a key of its own, between the others */
};

/* ---- an image as imgtool writes it ---- */

static void put(uint64_t value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes[length++] = (uint8_t)(value >> (8 * i));
}

static void put_tlv(unsigned type, size_t count)
{
    put(type, 2);
    put(count, 2);
    random_fill(bytes + length, count);
    length += count;
}

static void put_area(unsigned magic, size_t count)
{
    put(magic, 2);
    put(count, 2);
}

static void make(const struct making *making)
{
    memset(bytes, 0, sizeof bytes);
    length = 0;
    put(0x96f3b83d, 4);
    put(0, 4);
    put(HEADER_BYTES, 2);
    put(making->is_protected ? 4 + 4 + 4 : 0, 2);
    put(PAYLOAD_BYTES, 4);
    put(making->flags, 4);
    length = HEADER_BYTES;
    random_fill(bytes + length, PAYLOAD_BYTES);
    length += PAYLOAD_BYTES;
    if (making->is_protected) {
        put_area(0x6908, 4 + 4 + 4);
        put_tlv(SECURITY_TLV, 4);
    }
    put_area(0x6907, 4 + 36 + 36 + (making->has_key ? 117 : 0) + 74);
    put_tlv(HASH_TLV, 32);
    put_tlv(KEY_HASH_TLV, 32);
    if (making->has_key)
        put_tlv(MCUBOOT_ENC_EC256, 113);
    put_tlv(SIGNATURE_TLV, 70);
}

static int file_of(size_t size)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    return fd;
}

static enum error read_all(void)
{
    int fd = file_of(length);
    fault = (struct fault){0};
    enum error e = mcuboot_read(fd, length, &image, &fault);
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), (off_t)length);
    (void)close(fd);
    return e;
}

static enum error make_area(enum mcuboot_tlv type, struct bytes body)
{
    int fd = file_of(length);
    fault = (struct fault){0};
    enum error e = mcuboot_area(fd, &image, type, body, area, &area_length, &fault);
    (void)close(fd);
    return e;
}

static void refused(enum error e, const char *reason)
{
    ck_assert_int_eq(e, ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_str_ne(fault.detail, "");
}

/* ---- what is there ---- */

static const struct making MAKINGS[] = {
    {0x4, false, false}, {0x8, false, false}, {0x4, true, false},
    {0x8, true, true},   {0x14, false, true},
};

START_TEST(parts_are_where_imgtool_puts_them)
{
    make(&MAKINGS[_i]);
    ck_assert_int_eq(read_all(), ERR_OK);
    ck_assert_uint_eq(image.payload_offset, HEADER_BYTES);
    ck_assert_uint_eq(image.payload_bytes, PAYLOAD_BYTES);
    ck_assert_uint_eq(image.area_offset,
                      HEADER_BYTES + PAYLOAD_BYTES + (MAKINGS[_i].is_protected ? 12 : 0));
    ck_assert_uint_eq(image.area_offset + image.area_bytes, length);
    ck_assert_uint_eq(image.key_bytes, (MAKINGS[_i].flags & 8) != 0 ? 32 : 16);
}
END_TEST

START_TEST(area_keeps_all_but_session_keys)
{
    uint8_t expected[IMAGE_MAX];
    make(&(struct making){.flags = 0x4, .has_key = true});
    ck_assert_int_eq(read_all(), ERR_OK);
    ck_assert_int_eq(make_area(MCUBOOT_ENC_EC256, bytes_of(NULL, 0)), ERR_OK);
    memcpy(expected, bytes + image.area_offset, image.area_bytes);
    memmove(expected + 76, expected + 76 + 117, 74);
    expected[2] = 4 + 36 + 36 + 74;
    expected[3] = 0;
    ck_assert_uint_eq(area_length, 4 + 36 + 36 + 74);
    ck_assert_mem_eq(area, expected, area_length);
}
END_TEST

START_TEST(license_becomes_the_last_tlv)
{
    uint8_t body[129];
    random_fill(body, sizeof body);
    make(&(struct making){.flags = 0x8, .has_key = true, .is_protected = true});
    ck_assert_int_eq(read_all(), ERR_OK);
    ck_assert_int_eq(make_area(MCUBOOT_ENC_EC256, bytes_of(body, sizeof body)), ERR_OK);
    ck_assert_uint_eq(area_length, 4 + 36 + 36 + 74 + 4 + sizeof body);
    ck_assert_uint_eq(area[2] | area[3] << 8, area_length);
    ck_assert_uint_eq(area[area_length - sizeof body - 4], MCUBOOT_ENC_EC256);
    ck_assert_uint_eq(area[area_length - sizeof body - 2], sizeof body);
    ck_assert_mem_eq(area + area_length - sizeof body, body, sizeof body);
    /* The image with it is one again, and gives the same area without it. */
    memcpy(bytes + image.area_offset, area, area_length);
    length = image.area_offset + area_length;
    ck_assert_int_eq(read_all(), ERR_OK);
    ck_assert_int_eq(make_area(MCUBOOT_ENC_EC256, bytes_of(NULL, 0)), ERR_OK);
    ck_assert_uint_eq(area_length, 4 + 36 + 36 + 74);
}
END_TEST

/* ---- what is refused ---- */

static const struct {
    size_t offset;
    uint8_t value;
    const char *reason;
} DAMAGES[] = {
    {0, 0, "mcuboot-magic"},
    {16, 0, "mcuboot-not-for-encryption"},
    {16, 0xc, "mcuboot-header"},
    {9, 0, "mcuboot-header"}, /* a header of no length */
    {12, 0, "mcuboot-areas"}, /* another length of the payload */
    {10, 4, "mcuboot-areas"}, /* a protected area that is not there */
    {HEADER_BYTES + PAYLOAD_BYTES, 0, "mcuboot-areas"},
    {HEADER_BYTES + PAYLOAD_BYTES + 2, 3, "mcuboot-areas"},
    {HEADER_BYTES + PAYLOAD_BYTES + 2, 100, "mcuboot-trailing"},
};

START_TEST(damaged_image_is_refused_by_name)
{
    make(&(struct making){.flags = 0x4});
    if (DAMAGES[_i].offset == HEADER_BYTES + PAYLOAD_BYTES + 2)
        bytes[DAMAGES[_i].offset + 1] = 0;
    bytes[DAMAGES[_i].offset] = DAMAGES[_i].value;
    refused(read_all(), DAMAGES[_i].reason);
}
END_TEST

START_TEST(padded_image_is_refused)
{
    make(&(struct making){.flags = 0x4});
    bytes[length++] = 0xff;
    refused(read_all(), "mcuboot-trailing");
}
END_TEST

START_TEST(image_that_is_cut_anywhere_is_refused)
{
    make(&(struct making){.flags = 0x8, .is_protected = true, .has_key = true});
    const size_t whole = length;
    for (length = 0; length < whole; length++)
        ck_assert_int_eq(read_all(), ERR_BAD_REQUEST);
}
END_TEST

START_TEST(tlv_beyond_its_area_is_refused)
{
    make(&(struct making){.flags = 0x4});
    ck_assert_int_eq(read_all(), ERR_OK);
    bytes[image.area_offset + 4 + 2] = 0xff;
    refused(make_area(MCUBOOT_ENC_EC256, bytes_of(NULL, 0)), "mcuboot-areas");
}
END_TEST

START_TEST(license_that_is_too_long_or_has_no_room_is_refused)
{
    static uint8_t body[MCUBOOT_BODY_MAX_BYTES + 1];
    make(&(struct making){.flags = 0x4});
    ck_assert_int_eq(read_all(), ERR_OK);
    refused(make_area(MCUBOOT_ENC_EC256, bytes_of(body, sizeof body)), "mcuboot-body");
    ck_assert_int_eq(make_area(MCUBOOT_ENC_EC256, bytes_of(body, sizeof body - 1)), ERR_OK);
}
END_TEST

/* Whatever the bytes are: an answer, and the sizes add up. */
START_TEST(random_damage_never_breaks_the_reader)
{
    const size_t rounds = test_size("damaged images of MCUboot", 20000, 500000);
    for (size_t round = 0; round < rounds; round++) {
        uint32_t where[4];
        make(&(struct making){.flags = 0x4, .is_protected = true, .has_key = true});
        random_fill(where, sizeof where);
        for (size_t i = 0; i < 3; i++) {
            size_t at = where[i] % 44;
            if (at >= 20)
                at = HEADER_BYTES + PAYLOAD_BYTES + where[i] % 300;
            bytes[at] = (uint8_t)(where[3] >> (8 * i));
        }
        if (read_all() != ERR_OK)
            continue;
        ck_assert_uint_eq(image.area_offset + image.area_bytes, length);
        if (make_area(MCUBOOT_ENC_X25519, bytes_of(bytes, 32)) == ERR_OK)
            ck_assert_uint_le(area_length, image.area_bytes + 36);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("images of MCUboot");
    TCase *all = tcase_create("mcuboot");
    tcase_set_timeout(all, 120);
    tcase_add_loop_test(all, parts_are_where_imgtool_puts_them, 0,
                        sizeof MAKINGS / sizeof MAKINGS[0]);
    tcase_add_test(all, area_keeps_all_but_session_keys);
    tcase_add_test(all, license_becomes_the_last_tlv);
    tcase_add_loop_test(all, damaged_image_is_refused_by_name, 0,
                        sizeof DAMAGES / sizeof DAMAGES[0]);
    tcase_add_test(all, padded_image_is_refused);
    tcase_add_test(all, image_that_is_cut_anywhere_is_refused);
    tcase_add_test(all, tlv_beyond_its_area_is_refused);
    tcase_add_test(all, license_that_is_too_long_or_has_no_room_is_refused);
    tcase_add_test(all, random_damage_never_breaks_the_reader);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
