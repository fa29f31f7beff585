/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The strict reader: which images it takes, and what it says about the others. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#include "sfi.h"
#include "support/sizes.h"

#define FLASH  0x08000000U
#define COUNTS 64

static struct st_sfi_summary summary;
static struct fault fault;

/* One area of each kind. */
static const struct sfi_area EVERY_KIND[] = {
    {.type = 'F', .address = FLASH, .size = 100},
    {.type = 'P'},
    {.type = 'R'},
    {.type = 'E', .address = 0x90000000, .size = 32},
    {.type = 'M', .address = 0x20000003, .size = 1},
    {.type = 'K', .address = 5, .size = 7},
    {.type = 'F', .address = FLASH + 112, .size = 16},
    {.type = 'C', .size = 9},
};
#define KINDS (sizeof EVERY_KIND / sizeof EVERY_KIND[0])

static enum error check_bytes(struct bytes image)
{
    fault = (struct fault){0};
    return sfi_check(image, &summary, &fault);
}

static void refused_bytes(struct bytes image, const char *reason)
{
    ck_assert_int_eq(check_bytes(image), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_str_ne(fault.detail, "");
}

static enum error check_areas(const struct sfi_area *areas, size_t count)
{
    struct st_sfi_text image = sfi_build(areas, count);
    enum error code = check_bytes(bytes_of(image.data, image.length));
    free(image.data);
    return code;
}

static void taken(const struct sfi_area *areas, size_t count)
{
    ck_assert_msg(check_areas(areas, count) == ERR_OK, "%s", fault.reason);
    ck_assert_uint_eq(summary.areas, count);
}

static void refused(const struct sfi_area *areas, size_t count, const char *reason)
{
    ck_assert_int_eq(check_areas(areas, count), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, reason);
}

/* The area, and a configuration behind it. */
static void area_taken(struct sfi_area area)
{
    taken((const struct sfi_area[]){area, {.type = 'C', .size = 1}}, 2);
}

static void area_refused(struct sfi_area area, const char *reason)
{
    refused((const struct sfi_area[]){area, {.type = 'C', .size = 1}}, 2, reason);
}

/* Two areas in flash, and a configuration behind them. */
static enum error check_pair(struct sfi_area one, struct sfi_area two)
{
    return check_areas((const struct sfi_area[]){one, two, {.type = 'C', .size = 1}}, 3);
}

/* ---- what is taken ---- */

START_TEST(image_of_every_kind_of_area_is_taken)
{
    taken(EVERY_KIND, KINDS);
    ck_assert_uint_eq(summary.firmware_bytes, 148);
    taken((const struct sfi_area[]){{.type = 'C', .size = 1}}, 1);
    ck_assert_uint_eq(summary.firmware_bytes, 0);
}
END_TEST

START_TEST(image_of_65535_areas_is_taken)
{
    struct sfi_area *areas = calloc(ST_SFI_AREAS_MAX, sizeof *areas);
    for (unsigned i = 0; i < ST_SFI_AREAS_MAX - 1; i++)
        areas[i] = (struct sfi_area){
            .type = 'F', .address = (_i == 0 ? i : ST_SFI_AREAS_MAX - i) * 16, .size = 16};
    areas[ST_SFI_AREAS_MAX - 1] = (struct sfi_area){.type = 'C', .size = 1};
    taken(areas, ST_SFI_AREAS_MAX);
    ck_assert_uint_eq(summary.firmware_bytes, 16 * (ST_SFI_AREAS_MAX - 1));
    areas[ST_SFI_AREAS_MAX - 2].address = areas[7].address;
    refused(areas, ST_SFI_AREAS_MAX, "sfi-area-overlap");
    free(areas);
}
END_TEST

START_TEST(size_of_the_file_may_be_larger_than_the_image_that_is_meant)
{
    struct st_sfi_text image = sfi_build(EVERY_KIND, KINDS);
    int fd = sfi_file(bytes_of(image.data, image.length));
    ck_assert_int_eq(write(fd, "behind", 6), 6);
    ck_assert_int_eq(st_sfi_check(fd, image.length, &summary, &fault), ERR_OK);
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), (off_t)image.length + 6);
    ck_assert_int_eq(st_sfi_check(fd, image.length + 6, &summary, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "sfi-trailing");
    free(image.data);
    (void)close(fd);
}
END_TEST

/* ---- the image's header ---- */

/* Changes a byte of the image's header. */
static void header_refused(size_t offset, uint8_t value, const char *reason)
{
    struct st_sfi_text image = sfi_build(EVERY_KIND, KINDS);
    image.data[offset] = value;
    refused_bytes(bytes_of(image.data, image.length), reason);
    free(image.data);
}

START_TEST(header_says_what_it_is)
{
    for (size_t i = 0; i < 8; i++)
        header_refused(i, 's', "sfi-magic");
    header_refused(8, 0, "sfi-protocol");
    header_refused(8, 2, "sfi-protocol");
    header_refused(9, 1, "sfi-reserved");
    header_refused(9, 0x80, "sfi-reserved");
}
END_TEST

START_TEST(another_file_is_no_cut_off_image)
{
    refused_bytes(bytes_of("hello", 5), "sfi-magic");
    refused_bytes(bytes_of("SFIMAGIX", 8), "sfi-magic");
    refused_bytes(bytes_of("SFI", 3), "sfi-truncated");
    refused_bytes(bytes_of("SFIMAGIC", 8), "sfi-truncated");
    refused_bytes(bytes_of(NULL, 0), "sfi-truncated");
}
END_TEST

START_TEST(image_without_areas_is_refused)
{
    refused(NULL, 0, "sfi-area-count");
}
END_TEST

/* The count has 16 bits: one more than 65,535 areas is an image of none, or has a rest. */
START_TEST(image_of_65536_areas_is_refused)
{
    struct sfi_area *areas = calloc(ST_SFI_AREAS_MAX + 1, sizeof *areas);
    for (unsigned i = 0; i < ST_SFI_AREAS_MAX; i++)
        areas[i] = (struct sfi_area){.type = 'K', .size = 1};
    areas[ST_SFI_AREAS_MAX] = (struct sfi_area){.type = 'C', .size = 1};
    struct st_sfi_text image = sfi_build(areas, ST_SFI_AREAS_MAX + 1);
    struct bytes view = bytes_of(image.data, image.length);
    refused_bytes(view, "sfi-area-count");
    image.data[10] = 0xff;
    image.data[11] = 0xff;
    refused_bytes(view, "sfi-area-total");
    free(image.data);
    free(areas);
}
END_TEST

/* ---- areas ---- */

START_TEST(area_has_a_known_type)
{
    for (unsigned type = 0; type <= UINT8_MAX; type++) {
        struct sfi_area area = {.type = (uint8_t)type, .size = 1};
        if (memchr("FEMKPRC", (int)type, 7) == NULL)
            area_refused(area, "sfi-area-type");
        else if (memchr("FEMK", (int)type, 4) != NULL)
            area_taken(area);
    }
}
END_TEST

START_TEST(area_has_version_1_its_place_and_the_count)
{
    area_refused((struct sfi_area){.type = 'F', .size = 1, .version = 2}, "sfi-area-version");
    area_refused((struct sfi_area){.type = 'F', .size = 1, .version = 255}, "sfi-area-version");
    area_refused((struct sfi_area){.type = 'F', .size = 1, .index = 2}, "sfi-area-index");
    area_refused((struct sfi_area){.type = 'F', .size = 1, .index = 257}, "sfi-area-index");
    area_refused((struct sfi_area){.type = 'F', .size = 1, .total = 1}, "sfi-area-total");
    area_refused((struct sfi_area){.type = 'F', .size = 1, .total = 3}, "sfi-area-total");
    area_refused((struct sfi_area){.type = 'F', .size = 1, .total = 258}, "sfi-area-total");
}
END_TEST

START_TEST(version_and_index_zero_are_refused)
{
    static const char *const reasons[] = {"sfi-area-version", "sfi-area-index"};
    struct st_sfi_text image = sfi_build(EVERY_KIND, KINDS);
    image.data[ST_SFI_HEADER_BYTES + 1 + _i] = 0;
    refused_bytes(bytes_of(image.data, image.length), reasons[_i]);
    free(image.data);
}
END_TEST

START_TEST(area_has_1_to_65536_bytes)
{
    static const uint8_t types[] = {'F', 'E', 'M', 'K'};
    struct sfi_area area = {.type = types[_i], .size = 0};
    area_refused(area, "sfi-area-size");
    area.size = ST_SFI_AREA_MAX_BYTES + 1;
    area_refused(area, "sfi-area-size");
    area.size = ST_SFI_AREA_MAX_BYTES;
    area_taken(area);
    area.size = 1;
    area_taken(area);
}
END_TEST

START_TEST(pause_and_resume_have_neither_content_nor_address)
{
    struct sfi_area areas[] = {{.type = 'P'}, {.type = 'R'}, {.type = 'C', .size = 1}};
    taken(areas, 3);
    areas[_i].size = 1;
    refused(areas, 3, "sfi-area-size");
    areas[_i].size = 0;
    areas[_i].address = 16;
    refused(areas, 3, "sfi-area-address");
}
END_TEST

START_TEST(configuration_has_1_to_4096_bytes_and_no_address)
{
    struct sfi_area areas[] = {{.type = 'F', .size = 1}, {.type = 'C', .size = 4096}};
    taken(areas, 2);
    areas[1].size = 4097;
    refused(areas, 2, "sfi-area-size");
    areas[1].size = 0;
    refused(areas, 2, "sfi-area-size");
    areas[1] = (struct sfi_area){.type = 'C', .size = 1, .address = 16};
    refused(areas, 2, "sfi-area-address");
}
END_TEST

START_TEST(area_in_flash_is_aligned)
{
    static const uint8_t types[] = {'F', 'E', 'M', 'K'};
    for (uint32_t offset = 1; offset < 16; offset++) {
        struct sfi_area area = {.type = types[_i], .size = 1, .address = FLASH + offset};
        if (_i < 2)
            area_refused(area, "sfi-area-address");
        else
            area_taken(area);
    }
    area_taken((struct sfi_area){.type = types[_i], .size = 1, .address = FLASH + 16});
}
END_TEST

START_TEST(area_ends_within_4_gib)
{
    area_taken((struct sfi_area){.type = 'F', .size = 16, .address = 0xfffffff0});
    area_taken((struct sfi_area){.type = 'E', .size = 15, .address = 0xfffffff0});
    area_refused((struct sfi_area){.type = 'F', .size = 17, .address = 0xfffffff0},
                 "sfi-area-address");
    area_taken((struct sfi_area){.type = 'E', .size = 65536, .address = 0xffff0000});
    area_refused((struct sfi_area){.type = 'E', .size = 65536, .address = 0xffff0010},
                 "sfi-area-address");
    area_taken((struct sfi_area){.type = 'M', .size = 1, .address = UINT32_MAX});
    area_refused((struct sfi_area){.type = 'K', .size = 2, .address = UINT32_MAX},
                 "sfi-area-address");
}
END_TEST

START_TEST(areas_in_flash_overlap_as_they_are_filled)
{
    struct sfi_area one = {.type = 'F', .size = 17, .address = FLASH};
    struct sfi_area two = {.type = 'E', .size = 1, .address = FLASH + 32};
    ck_assert_int_eq(check_pair(one, two), ERR_OK);
    ck_assert_int_eq(check_pair(two, one), ERR_OK);
    two.address = FLASH + 16;
    ck_assert_int_eq(check_pair(one, two), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "sfi-area-overlap");
    ck_assert_int_eq(check_pair(two, one), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "sfi-area-overlap");
    two.address = FLASH;
    ck_assert_int_eq(check_pair(two, one), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "sfi-area-overlap");
    two.type = 'M';
    ck_assert_int_eq(check_pair(one, two), ERR_OK);
}
END_TEST

START_TEST(resume_follows_each_pause_and_nothing_else)
{
    static const char *const wrong[] = {"RC", "PC", "PPRC", "PKRC", "PRRC", "KRC", "PRKRC", "PRPC"};
    static const char *const right[] = {"PRC", "PRPRC", "KPRKC"};
    struct sfi_area areas[8];
    bool is_right = _i >= 8;
    const char *types = is_right ? right[_i - 8] : wrong[_i];
    for (size_t i = 0; i < strlen(types); i++) {
        bool is_step = types[i] == 'P' || types[i] == 'R';
        areas[i] = (struct sfi_area){.type = (uint8_t)types[i], .size = is_step ? 0 : 1};
    }
    if (is_right)
        taken(areas, strlen(types));
    else
        refused(areas, strlen(types), "sfi-pause-order");
}
END_TEST

START_TEST(configuration_is_the_last_area_and_no_other)
{
    static const struct sfi_area key = {.type = 'K', .size = 1};
    static const struct sfi_area options = {.type = 'C', .size = 1};
    refused(&key, 1, "sfi-configuration");
    refused((const struct sfi_area[]){options, key}, 2, "sfi-configuration");
    refused((const struct sfi_area[]){options, options}, 2, "sfi-configuration");
    refused((const struct sfi_area[]){key, options, key, options}, 4, "sfi-configuration");
    refused((const struct sfi_area[]){{.type = 'P'}, {.type = 'R'}}, 2, "sfi-configuration");
    taken((const struct sfi_area[]){key, key, options}, 3);
}
END_TEST

/* ---- whole areas in the wrong place ---- */

/* An image of two areas from the packer, and where they are in it. */
struct packed {
    struct st_sfi_text image;
    struct bytes area[3]; /* two and the configuration */
};

static void pack(struct packed *ret_packed)
{
    struct st_sfi_plan *plan = NULL;
    ck_assert_int_eq(st_sfi_plan_new(&plan), ERR_OK);
    sfi_add(plan, ST_SFI_FIRMWARE, FLASH, bytes_of("first first first first", 23));
    sfi_add(plan, ST_SFI_FIRMWARE, FLASH + 64, bytes_of("second second second", 20));
    sfi_add(plan, ST_SFI_OPTIONS, 0, bytes_of("options", 7));
    ret_packed->image = sfi_image(plan);
    const uint8_t *at = ret_packed->image.data + ST_SFI_HEADER_BYTES;
    for (size_t i = 0; i < 3; i++) {
        ret_packed->area[i] = bytes_of(at, ST_SFI_AREA_HEADER_BYTES + (size_t)(at[4]));
        at += ret_packed->area[i].length;
    }
    ck_assert_ptr_eq(at, ret_packed->image.data + ret_packed->image.length);
    st_sfi_plan_free(plan);
}

/* The header, then the areas of that order ("123" is the image as it was). */
static void order_refused(const struct packed *packed, const char *order, const char *reason)
{
    uint8_t image[1024];
    uint8_t *end = mempcpy(image, packed->image.data, ST_SFI_HEADER_BYTES);
    for (const char *p = order; *p != '\0'; p++) {
        const struct bytes *area = &packed->area[*p - '1'];
        end = mempcpy(end, area->data, area->length);
    }
    struct bytes view = bytes_of(image, (size_t)(end - image));
    if (reason == NULL)
        ck_assert_int_eq(check_bytes(view), ERR_OK);
    else
        refused_bytes(view, reason);
}

START_TEST(swapped_dropped_and_repeated_areas_are_refused)
{
    struct packed packed;
    pack(&packed);
    order_refused(&packed, "123", NULL);
    order_refused(&packed, "213", "sfi-area-index");
    order_refused(&packed, "132", "sfi-area-index");
    order_refused(&packed, "13", "sfi-area-index");
    order_refused(&packed, "23", "sfi-area-index");
    order_refused(&packed, "12", "sfi-truncated");
    order_refused(&packed, "1", "sfi-truncated");
    order_refused(&packed, "", "sfi-truncated");
    order_refused(&packed, "1123", "sfi-area-index");
    order_refused(&packed, "1223", "sfi-area-index");
    order_refused(&packed, "1233", "sfi-trailing");
    order_refused(&packed, "1231", "sfi-trailing");
    free(packed.image.data);
}
END_TEST

START_TEST(image_cut_off_anywhere_is_truncated)
{
    struct packed packed;
    pack(&packed);
    for (size_t length = 0; length < packed.image.length; length++)
        refused_bytes(bytes_of(packed.image.data, length), "sfi-truncated");
    free(packed.image.data);
}
END_TEST

START_TEST(one_byte_behind_the_last_area_is_too_much)
{
    struct packed packed;
    uint8_t longer[1024] = {0};
    pack(&packed);
    memcpy(longer, packed.image.data, packed.image.length);
    refused_bytes(bytes_of(longer, packed.image.length + 1), "sfi-trailing");
    free(packed.image.data);
}
END_TEST

/* ---- hostile bytes ---- */

/* The reader knows no tags: the chip refuses every changed bit, the reader those of the form. */
START_TEST(no_changed_bit_is_opened_by_the_chip)
{
    struct packed packed;
    struct st_sfi_opened opened;
    pack(&packed);
    struct bytes view = bytes_of(packed.image.data, packed.image.length);
    ck_assert(st_sfi_open(view, SFI_KEY, SFI_NONCE, &opened));
    st_sfi_opened_clear(&opened);
    for (size_t bit = 0; bit < 8 * packed.image.length; bit++) {
        packed.image.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        enum error code = check_bytes(view);
        ck_assert(code == ERR_BAD_REQUEST || (code == ERR_OK && bit / 8 >= 12));
        ck_assert(!st_sfi_open(view, SFI_KEY, SFI_NONCE, &opened));
        packed.image.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    free(packed.image.data);
}
END_TEST

/* What the reader takes must be what the page describes; read again, in the plainest way. */
static bool is_described(const uint8_t *image, size_t length)
{
    size_t at = ST_SFI_HEADER_BYTES;
    size_t count = image[10] | (size_t)image[11] << 8;
    for (size_t i = 1; i <= count; i++) {
        const uint8_t *area = image + at;
        if (at + ST_SFI_AREA_HEADER_BYTES > length || area[1] != 1 ||
            (area[2] | (size_t)area[3] << 8) != i || (area[12] | (size_t)area[13] << 8) != count)
            return false;
        if ((area[0] == 'C') != (i == count) || memchr("FEMKPRC", area[0], 7) == NULL)
            return false;
        at += ST_SFI_AREA_HEADER_BYTES + area[4] + ((size_t)area[5] << 8) +
              ((size_t)area[6] << 16) + ((size_t)area[7] << 24);
    }
    return count > 0 && at == length;
}

/* Up to four bytes of the image get another value. */
struct corruption {
    size_t count;
    size_t at[4];
    uint8_t value[4]; /* the new one; once it is in the image, the old one */
};

static void swap_byte(uint8_t *image, struct corruption *corruption, size_t i)
{
    uint8_t old = image[corruption->at[i]];
    image[corruption->at[i]] = corruption->value[i];
    corruption->value[i] = old;
}

static void corrupt(uint8_t *image, struct corruption *corruption)
{
    for (size_t i = 0; i < corruption->count; i++)
        swap_byte(image, corruption, i);
}

/* Backwards: a place may be there twice. */
static void restore(uint8_t *image, struct corruption *corruption)
{
    for (size_t i = corruption->count; i > 0; i--)
        swap_byte(image, corruption, i - 1);
}

static struct corruption random_corruption(size_t length)
{
    uint8_t random[9];
    random_fill(random, sizeof random);
    struct corruption corruption = {.count = 1 + random[0] % 4U};
    for (size_t i = 0; i < corruption.count; i++) {
        corruption.at[i] = (random[1 + 2 * i] * 7U) % length;
        corruption.value[i] = random[2 + 2 * i];
    }
    return corruption;
}

/* The file is mapped: a round costs what the reader costs. */
START_TEST(corrupted_headers_are_refused_or_harmless)
{
    size_t rounds = test_size("corrupted images", 20000, 2000000);
    size_t accepted = 0;
    struct st_sfi_text whole = sfi_build(EVERY_KIND, KINDS);
    int fd = sfi_file(bytes_of(whole.data, whole.length));
    uint8_t *image = mmap(NULL, whole.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert(image != MAP_FAILED);
    for (size_t i = 0; i < rounds; i++) {
        struct corruption corruption = random_corruption(whole.length);
        corrupt(image, &corruption);
        enum error code = st_sfi_check(fd, whole.length, &summary, &fault);
        bool is_right =
            code == ERR_OK ? is_described(image, whole.length) : code == ERR_BAD_REQUEST;
        if (!is_right) /* each passed assertion would cost a write to a pipe */
            ck_abort_msg("round %zu: code %d", i, code);
        accepted += code == ERR_OK;
        restore(image, &corruption);
    }
    ck_assert_mem_eq(image, whole.data, whole.length);
    ck_assert_uint_gt(accepted, 0);
    ck_assert_uint_lt(accepted, rounds);
    (void)munmap(image, whole.length);
    free(whole.data);
    (void)close(fd);
}
END_TEST

START_TEST(random_bytes_behind_the_magic_are_refused)
{
    uint8_t image[512];
    for (int i = 0; i < 5000; i++) {
        random_fill(image, sizeof image);
        memcpy(image, "SFIMAGIC\1\0", i % 2 == 0 ? 10 : 8);
        ck_assert_int_eq(check_bytes(bytes_of(image, sizeof image)), ERR_BAD_REQUEST);
    }
}
END_TEST

/* ---- the file ---- */

START_TEST(file_that_cannot_be_read_is_an_error_with_its_number)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(st_sfi_check(fd, 1000, &summary, &fault), ERR_LEDGER_UNAVAILABLE);
    ck_assert_int_eq(fault.native, EBADF);
    (void)close(fd);
    fd = open("/", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(st_sfi_check(fd, 1000, &summary, &fault), ERR_LEDGER_UNAVAILABLE);
    ck_assert_int_eq(fault.native, EISDIR);
    (void)close(fd);
}
END_TEST

START_TEST(file_that_is_smaller_than_it_is_said_to_be_is_truncated)
{
    struct st_sfi_text image = sfi_build(EVERY_KIND, KINDS);
    int fd = sfi_file(bytes_of(image.data, ST_SFI_HEADER_BYTES + 7));
    ck_assert_int_eq(st_sfi_check(fd, image.length, &summary, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "sfi-truncated");
    ck_assert_int_eq(st_sfi_check(fd, UINT64_MAX, &summary, &fault), ERR_BAD_REQUEST);
    free(image.data);
    (void)close(fd);
}
END_TEST

START_TEST(refused_image_leaves_the_result_alone)
{
    summary = (struct st_sfi_summary){COUNTS, COUNTS};
    refused_bytes(bytes_of("hello", 5), "sfi-magic");
    area_refused((struct sfi_area){.type = 'F'}, "sfi-area-size");
    ck_assert_uint_eq(summary.areas, COUNTS);
    ck_assert_uint_eq(summary.firmware_bytes, COUNTS);
}
END_TEST

static void add_tests(TCase *all)
{
    tcase_add_test(all, image_of_every_kind_of_area_is_taken);
    tcase_add_loop_test(all, image_of_65535_areas_is_taken, 0, 2);
    tcase_add_test(all, size_of_the_file_may_be_larger_than_the_image_that_is_meant);
    tcase_add_test(all, header_says_what_it_is);
    tcase_add_test(all, another_file_is_no_cut_off_image);
    tcase_add_test(all, image_without_areas_is_refused);
    tcase_add_test(all, image_of_65536_areas_is_refused);
    tcase_add_test(all, area_has_a_known_type);
    tcase_add_test(all, area_has_version_1_its_place_and_the_count);
    tcase_add_loop_test(all, version_and_index_zero_are_refused, 0, 2);
    tcase_add_loop_test(all, area_has_1_to_65536_bytes, 0, 4);
    tcase_add_loop_test(all, pause_and_resume_have_neither_content_nor_address, 0, 2);
    tcase_add_test(all, configuration_has_1_to_4096_bytes_and_no_address);
    tcase_add_loop_test(all, area_in_flash_is_aligned, 0, 4);
    tcase_add_test(all, area_ends_within_4_gib);
    tcase_add_test(all, areas_in_flash_overlap_as_they_are_filled);
    tcase_add_loop_test(all, resume_follows_each_pause_and_nothing_else, 0, 11);
    tcase_add_test(all, configuration_is_the_last_area_and_no_other);
    tcase_add_test(all, swapped_dropped_and_repeated_areas_are_refused);
    tcase_add_test(all, image_cut_off_anywhere_is_truncated);
    tcase_add_test(all, one_byte_behind_the_last_area_is_too_much);
    tcase_add_test(all, no_changed_bit_is_opened_by_the_chip);
    tcase_add_test(all, corrupted_headers_are_refused_or_harmless);
    tcase_add_test(all, random_bytes_behind_the_magic_are_refused);
    tcase_add_test(all, file_that_cannot_be_read_is_an_error_with_its_number);
    tcase_add_test(all, file_that_is_smaller_than_it_is_said_to_be_is_truncated);
    tcase_add_test(all, refused_image_leaves_the_result_alone);
}

int main(void)
{
    Suite *suite = suite_create("image st-sfi check");
    TCase *all = tcase_create("check");
    tcase_set_timeout(all, 280);
    add_tests(all);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
