/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The file of session keys: what is written is read, nothing else is, and each key is bound to all
 * that its file says of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "handover/handover.h"

#define IMAGES 3

static struct handover_header header;
static struct handover_image images[IMAGES];
static char *text; /* of a good file */
static size_t length;

static void fill(void *out, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (uint8_t)((size_t)seed * 37 + i * 11 + 1);
}

static void make_values(void)
{
    header = (struct handover_header){
        .product = "widget", .profile = "cms", .images = IMAGES, .made_unix_ms = 1795773600000};
    fill(&header.hsm, SHA256_SIZE, 1);
    fill(&header.standby, SHA256_SIZE, 2);
    fill(&header.transport_key, SHA256_SIZE, 3);
    for (unsigned i = 0; i < IMAGES; i++) {
        struct handover_image *image = &images[i];
        *image = (struct handover_image){.size = 1000 + i,
                                         .created_unix_ms = 1795773500000 + i,
                                         .is_enabled = i != 1,
                                         .iv_length = i == 2 ? 0 : 12,
                                         .tag_length = i == 2 ? 0 : HANDOVER_TAG_BYTES,
                                         .key_length = i == 2 ? 24 : 40};
        fill(&image->digest, SHA256_SIZE, 10 + i);
        fill(image->iv, image->iv_length, 20 + i);
        fill(image->tag, sizeof image->tag, 30 + i);
        fill(image->point, sizeof image->point, 40 + i);
        fill(image->key, image->key_length, 50 + i);
    }
    strcpy(images[0].label, "1.4.2 \"\xc3\xa4\\\n");
    strcpy(images[0].alias, "stable");
    strcpy(images[1].content, "aes-256-cbc");
}

/* The file of header and images, in *ret_text, which the caller frees. */
static struct sha256 write_file(const struct handover_header *its_header, char **ret_text,
                                size_t *ret_length)
{
    struct handover_file file = {.stream = open_memstream(ret_text, ret_length)};
    struct fault fault = {0};
    struct sha256 digest;
    ck_assert_int_eq(handover_write_header(&file, its_header, &fault), ERR_OK);
    for (int i = 0; i < IMAGES; i++)
        ck_assert_int_eq(handover_write_image(&file, &images[i], &fault), ERR_OK);
    ck_assert_int_eq(handover_write_end(&file, &digest, &fault), ERR_OK);
    handover_file_clear(&file);
    (void)fclose(file.stream);
    return digest;
}

/* Reads all of it; *ret_images has room for IMAGES, further ones are read and forgotten. */
static enum error read_file(const char *bytes, size_t size, struct handover_header *ret_header,
                            struct handover_image *ret_images, struct sha256 *ret_digest,
                            struct fault *fault)
{
    struct handover_image ignored;
    struct handover_file file = {.stream = fmemopen((void *)(uintptr_t)bytes, size, "r")};
    enum error e = handover_read_header(&file, ret_header, fault);
    for (int64_t i = 0; e == ERR_OK && i < ret_header->images; i++)
        e = handover_read_image(&file, i < IMAGES ? &ret_images[i] : &ignored, fault);
    if (e == ERR_OK)
        e = handover_read_end(&file, ret_digest, fault);
    handover_file_clear(&file);
    (void)fclose(file.stream);
    return e;
}

static void set_up(void)
{
    make_values();
    (void)write_file(&header, &text, &length);
}

static void tear_down(void)
{
    free(text);
}

START_TEST(what_is_written_is_read)
{
    struct handover_header read_header;
    struct handover_image read_images[IMAGES];
    struct sha256 digest;
    struct fault fault = {0};
    const struct sha256 whole = sha256_of(bytes_of(text, length));
    ck_assert_msg(read_file(text, length, &read_header, read_images, &digest, &fault) == ERR_OK,
                  "%s", fault.reason);
    ck_assert(sha256_equal(&digest, &whole));
    ck_assert_str_eq(read_header.product, "widget");
    ck_assert(sha256_equal(&read_header.standby, &header.standby));
    ck_assert_str_eq(read_images[0].label, images[0].label);
    ck_assert_str_eq(read_images[0].alias, "stable");
    ck_assert(!read_images[1].is_enabled);
    ck_assert_uint_eq(read_images[2].key_length, 24);
    ck_assert_uint_eq(read_images[2].iv_length + read_images[2].tag_length, 0);
    ck_assert_str_eq(read_images[0].content, "");
    ck_assert_str_eq(read_images[1].content, "aes-256-cbc");
    for (int i = 0; i < IMAGES; i++) {
        uint8_t wrote[HANDOVER_INFO_BYTES];
        uint8_t read[HANDOVER_INFO_BYTES];
        handover_info(&header, &images[i], wrote);
        handover_info(&read_header, &read_images[i], read);
        ck_assert_mem_eq(wrote, read, sizeof wrote);
        ck_assert_mem_eq(images[i].key, read_images[i].key, images[i].key_length);
        ck_assert_mem_eq(images[i].point, read_images[i].point, HANDOVER_POINT_BYTES);
    }
}
END_TEST

/* ---- what is not read ---- */

static void claim_refused(const char *bytes, size_t size, const char *reason)
{
    struct handover_header read_header;
    struct handover_image read_images[IMAGES];
    struct sha256 digest;
    struct fault fault = {0};
    enum error e = read_file(bytes, size, &read_header, read_images, &digest, &fault);
    ck_assert_int_ne(e, ERR_OK);
    ck_assert(e == ERR_BAD_REQUEST || e == ERR_TOO_LARGE);
    if (reason != NULL)
        ck_assert_str_eq(fault.reason, reason);
}

START_TEST(each_bit_of_the_file_counts)
{
    char *changed = malloc(length);
    for (size_t bit = 0; bit < length * 8; bit += 3) { /* each byte, in turn another bit */
        memcpy(changed, text, length);
        changed[bit / 8] = (char)(changed[bit / 8] ^ (1 << bit % 8));
        claim_refused(changed, length, NULL);
    }
    free(changed);
}
END_TEST

START_TEST(each_cut_is_refused)
{
    for (size_t size = 1; size < length; size++)
        claim_refused(text, size, "keys-file-cut");
}
END_TEST

START_TEST(what_goes_on_behind_its_end_is_refused)
{
    char *longer = malloc(length + 2);
    memcpy(longer, text, length);
    memcpy(longer + length, "\n", 2);
    claim_refused(longer, length + 1, "keys-file-long");
    free(longer);
}
END_TEST

START_TEST(a_line_without_end_is_refused_early)
{
    static char endless[HANDOVER_LINE_MAX * 4];
    memset(endless, '{', sizeof endless);
    memcpy(endless, HANDOVER_MAGIC "\n", sizeof HANDOVER_MAGIC);
    claim_refused(endless, sizeof endless, "keys-file-form");
}
END_TEST

/* The last line is made anew by whoever changes the others: what is left is the one form. */
static void claim_line_refused(const char *line)
{
    char *made = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&made, &size);
    char hex[SHA256_HEX_SIZE];
    (void)fprintf(out, HANDOVER_MAGIC "\n%s\n", line);
    (void)fflush(out);
    const struct sha256 digest = sha256_of(bytes_of(made, size));
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    (void)fprintf(out, "%s\n", hex);
    (void)fclose(out);
    claim_refused(made, size, "keys-file-form");
    free(made);
}

#define DIGEST "0101010101010101010101010101010101010101010101010101010101010101"
#define HEADER(images, more)                                                          \
    "{\"hsm\":\"" DIGEST "\",\"images\":" images                                      \
    ",\"made_unix_ms\":1,\"product\":\"w\",\"profile\":\"cms\",\"standby\":\"" DIGEST \
    "\",\"transport_key\":\"" DIGEST "\"" more "}"

START_TEST(another_form_of_the_same_header_is_refused)
{
    claim_line_refused(HEADER("00", ""));
    claim_line_refused(HEADER("0 ", ""));
    claim_line_refused(HEADER("-1", ""));
    claim_line_refused(HEADER("0.0", ""));
    claim_line_refused(HEADER("\"0\"", ""));
    claim_line_refused(HEADER("0", ",\"z\":1"));
    claim_line_refused(HEADER("0", ",\"images\":0"));
    claim_line_refused("");
    claim_line_refused("[]");
    claim_line_refused("{}");
}
END_TEST

START_TEST(a_hundred_thousand_images_are_too_many)
{
    struct handover_header many = header;
    struct handover_file file = {.stream = tmpfile()};
    struct fault fault;
    char *big = NULL;
    size_t size = 0;
    many.images = 100000;
    ck_assert_int_eq(handover_write_header(&file, &many, &fault), ERR_TOO_LARGE);
    (void)fclose(file.stream);
    handover_file_clear(&file);
    FILE *out = open_memstream(&big, &size);
    (void)fputs(HANDOVER_MAGIC "\n" HEADER("100000", "") "\n", out);
    for (int i = 0; i < 100000; i++)
        (void)fputs("{\"alias\":\"\"}\n", out);
    (void)fclose(out);
    claim_refused(big, size, "keys-file-images");
    free(big);
}
END_TEST

/* ---- what a key is bound to ---- */

static void claim_other_info(const struct handover_header *its_header,
                             const struct handover_image *its_image)
{
    uint8_t right[HANDOVER_INFO_BYTES];
    uint8_t other[HANDOVER_INFO_BYTES];
    handover_info(&header, &images[0], right);
    handover_info(its_header, its_image, other);
    ck_assert_mem_ne(right, other, sizeof right);
}

START_TEST(a_key_is_bound_to_each_member_of_the_header)
{
    struct handover_header others[] = {header, header, header, header, header,
                                       header, header, header, header, header};
    others[0].hsm.bytes[31] ^= 1;
    others[1].standby.bytes[0] ^= 0x80;
    others[2].transport_key.bytes[7] ^= 1;
    strcpy(others[3].product, "widgeu");
    strcpy(others[4].profile, "cmt");
    others[5].images++;
    others[6].made_unix_ms++;
    others[7].authorities_length = SHA256_SIZE;
    others[8].authorities_length = HANDOVER_AUTHORITIES_MAX;
    others[9].authorities_length = SHA256_SIZE;
    others[9].authorities[31] ^= 1;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        claim_other_info(&others[i], &images[0]);
}
END_TEST

START_TEST(a_key_is_bound_to_each_member_of_its_image)
{
    struct handover_image others[13];
    for (size_t i = 0; i < 13; i++)
        others[i] = images[0];
    others[0].digest.bytes[31] ^= 1;
    others[1].size++;
    others[2].created_unix_ms++;
    others[3].is_enabled = false;
    others[4].label[0] = '2';
    others[5].alias[0] = 'x';
    others[6].iv[11] ^= 1;
    others[7].iv_length--;
    others[8].tag[15] ^= 1;
    /* What leaves one text cannot come to stand in the next one. */
    strcpy(others[9].alias, "");
    strcpy(others[9].label, "stable\n1.4.2 \"\xc3\xa4\\\n");
    strcpy(others[10].content, "aes-256-cbc");
    others[11].tag_length = 0;
    others[12].iv_length = 0;
    for (size_t i = 0; i < 13; i++)
        claim_other_info(&header, &others[i]);
}
END_TEST

START_TEST(a_key_is_bound_to_the_form_of_content_by_its_name)
{
    uint8_t right[HANDOVER_INFO_BYTES];
    uint8_t other[HANDOVER_INFO_BYTES];
    struct handover_image renamed = images[1];
    handover_info(&header, &images[1], right);
    strcpy(renamed.content, "aes-256-ctr");
    handover_info(&header, &renamed, other);
    ck_assert_mem_ne(right, other, sizeof right);
}
END_TEST

START_TEST(a_key_is_not_bound_to_its_own_bytes)
{
    uint8_t right[HANDOVER_INFO_BYTES];
    uint8_t same[HANDOVER_INFO_BYTES];
    struct handover_image other = images[0];
    handover_info(&header, &images[0], right);
    other.point[5] ^= 1;
    other.key[5] ^= 1;
    handover_info(&header, &other, same);
    ck_assert_mem_eq(right, same, sizeof right);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("handover");
    TCase *tests = tcase_create("file");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_written_is_read);
    tcase_add_test(tests, each_bit_of_the_file_counts);
    tcase_add_test(tests, each_cut_is_refused);
    tcase_add_test(tests, what_goes_on_behind_its_end_is_refused);
    tcase_add_test(tests, a_line_without_end_is_refused_early);
    tcase_add_test(tests, another_form_of_the_same_header_is_refused);
    tcase_add_test(tests, a_hundred_thousand_images_are_too_many);
    tcase_add_test(tests, a_key_is_bound_to_each_member_of_the_header);
    tcase_add_test(tests, a_key_is_bound_to_each_member_of_its_image);
    tcase_add_test(tests, a_key_is_bound_to_the_form_of_content_by_its_name);
    tcase_add_test(tests, a_key_is_not_bound_to_its_own_bytes);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
