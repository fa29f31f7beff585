/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The head of a package: what is written is read, nothing else is, and the key is bound to all that
 * it says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "handover/package.h"
#include "support/run.h"

#define IMAGE "behind the head\nthere may be lines\n"

static struct package package;
static char head[PACKAGE_HEAD_MAX];
static size_t length;

static void fill(void *out, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (uint8_t)((size_t)seed * 37 + i * 11 + 1);
}

static void set_up(void)
{
    struct fault fault = {0};
    package = (struct package){.product = "widget",
                               .profile = "cms",
                               .content = "aes-256-gcm",
                               .size = 1000,
                               .made_unix_ms = 1795773600000,
                               .label = "1.4.2 \"\xc3\xa4\\\n",
                               .iv_length = 12,
                               .tag_length = HANDOVER_TAG_BYTES,
                               .key_length = 40};
    fill(&package.transport_key, SHA256_SIZE, 1);
    fill(&package.image, SHA256_SIZE, 2);
    fill(package.iv, 12, 3);
    fill(package.tag, sizeof package.tag, 4);
    fill(package.point, sizeof package.point, 5);
    fill(package.key, sizeof package.key, 6);
    ck_assert_int_eq(package_write_head(&package, head, &length, &fault), ERR_OK);
}

START_TEST(what_is_written_is_read)
{
    struct package read;
    struct fault fault = {0};
    char file[PACKAGE_HEAD_MAX];
    size_t found = 0;
    memcpy(file, head, length);
    memcpy(file + length, IMAGE, sizeof IMAGE);
    ck_assert_msg(package_read_head(file, length + sizeof IMAGE, &read, &found, &fault) == ERR_OK,
                  "%s", fault.reason);
    ck_assert_uint_eq(found, length);
    ck_assert_mem_eq(&read, &package, sizeof package);
    ck_assert_int_eq(package_read_head(head, length, &read, &found, &fault), ERR_OK);
}
END_TEST

/* The longest of each member still fits, and comes back. */
START_TEST(longest_members_fit)
{
    struct package read;
    struct fault fault = {0};
    size_t found = 0;
    memset(package.product, 'p', HANDOVER_NAME_MAX);
    memset(package.profile, 'q', HANDOVER_PROFILE_MAX);
    memset(package.content, 'r', HANDOVER_CONTENT_MAX);
    memset(package.label, 1, HANDOVER_NAME_MAX); /* six characters each in the line */
    package.size = INT64_MAX;
    package.made_unix_ms = INT64_MAX;
    package.iv_length = HANDOVER_IV_MAX;
    package.authorities_length = SHA256_SIZE;
    fill(package.authorities, SHA256_SIZE, 7);
    ck_assert_int_eq(package_write_head(&package, head, &length, &fault), ERR_OK);
    ck_assert_int_eq(package_read_head(head, length, &read, &found, &fault), ERR_OK);
    ck_assert_mem_eq(&read, &package, sizeof package);
}
END_TEST

START_TEST(label_that_is_no_utf_8_is_not_written)
{
    struct fault fault = {0};
    strcpy(package.label, "\xff");
    ck_assert_int_eq(package_write_head(&package, head, &length, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "label");
}
END_TEST

/* ---- what is not read ---- */

static const char *reason_of(const char *bytes, size_t size)
{
    static struct fault fault;
    struct package read;
    size_t found = 0;
    fault = (struct fault){.reason = ""};
    ck_assert_int_eq(package_read_head(bytes, size, &read, &found, &fault), ERR_BAD_REQUEST);
    return fault.reason;
}

START_TEST(each_bit_of_the_head_counts)
{
    char changed[PACKAGE_HEAD_MAX];
    for (size_t bit = 0; bit < length * 8; bit++) {
        memcpy(changed, head, length);
        changed[bit / 8] = (char)(changed[bit / 8] ^ (1 << bit % 8));
        (void)reason_of(changed, length);
    }
}
END_TEST

START_TEST(each_cut_is_refused_as_one)
{
    for (size_t size = 0; size < length; size++)
        ck_assert_str_eq(reason_of(head, size), "package-cut");
}
END_TEST

/* What a NUL hides from a reader of text is not there, whatever the digest says. */
START_TEST(nul_in_a_line_is_refused)
{
    static const char hidden[] = "\0hidden";
    const size_t line = length - SHA256_HEX_SIZE - 1; /* where the second line ends */
    char made[2 * PACKAGE_HEAD_MAX];
    char hex[SHA256_HEX_SIZE];
    memcpy(made, head, line);
    memcpy(made + line, hidden, sizeof hidden - 1);
    size_t size = line + sizeof hidden - 1;
    made[size++] = '\n';
    const struct sha256 digest = sha256_of(bytes_of(made, size));
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    memcpy(made + size, hex, sizeof hex - 1);
    size += sizeof hex - 1;
    made[size++] = '\n';
    (void)reason_of(made, size);
}
END_TEST

START_TEST(line_without_end_is_refused)
{
    static char endless[PACKAGE_HEAD_MAX];
    memset(endless, '{', sizeof endless);
    ck_assert_str_eq(reason_of(endless, sizeof endless), "package-form");
    memcpy(endless, PACKAGE_MAGIC "\n", sizeof PACKAGE_MAGIC);
    ck_assert_str_eq(reason_of(endless, sizeof endless), "package-form");
}
END_TEST

/* With the right SHA-256 behind it: what is left is the one form. */
static void claim_line_refused(const char *line)
{
    char made[2 * PACKAGE_HEAD_MAX];
    char hex[SHA256_HEX_SIZE];
    int size = snprintf(made, sizeof made, PACKAGE_MAGIC "\n%s\n", line);
    const struct sha256 digest = sha256_of(bytes_of(made, (size_t)size));
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    size += snprintf(made + size, sizeof made - (size_t)size, "%s\n", hex);
    ck_assert_str_eq(reason_of(made, (size_t)size), "package-form");
}

/* The good line with one text for another. */
static void claim_replaced_refused(const char *from, const char *to)
{
    char line[PACKAGE_HEAD_MAX];
    char other[2 * PACKAGE_HEAD_MAX];
    memcpy(line, head + sizeof PACKAGE_MAGIC, length - sizeof PACKAGE_MAGIC);
    *strchr(line, '\n') = '\0';
    const char *at = strstr(line, from);
    ck_assert_ptr_nonnull(at);
    (void)snprintf(other, sizeof other, "%.*s%s%s", (int)(at - line), line, to, at + strlen(from));
    claim_line_refused(other);
}

START_TEST(another_form_of_the_same_head_is_refused)
{
    claim_line_refused("");
    claim_line_refused("[]");
    claim_line_refused("{}");
    claim_replaced_refused("{", "{ ");
    claim_replaced_refused("1000", "01000");
    claim_replaced_refused("1000", "1000.0");
    claim_replaced_refused("1000", "-1000");
    claim_replaced_refused("1000", "0");
    claim_replaced_refused("\"product\"", "\"product\":\"widget\",\"product\"");
    claim_replaced_refused("\"widget\"", "\"wid\\u0067et\"");
    claim_replaced_refused("\"widget\"", "\"-\"");
    claim_replaced_refused("\"widget\"", "\"wid\\nget\"");
    claim_replaced_refused("\"widget\"", "\"wid\\u0000get\"");
    claim_replaced_refused("\"cms\"", "\"sixteen-letters-\"");
    claim_replaced_refused("\"aes-256-gcm\"", "\"\"");
    claim_replaced_refused("}", ",\"z\":1}");
    claim_replaced_refused("\"iv\":\"70", "\"iv\":\"7");
    claim_replaced_refused("\"iv\":\"70", "\"iv\":\"707070707070");
    claim_replaced_refused("\"authorities\":\"", "\"authorities\":\"00");
    claim_replaced_refused("\"tag\":\"95", "\"tag\":\"");
    claim_replaced_refused("\"key\":\"df", "\"key\":\"");
}
END_TEST

/* ---- what the key is bound to ---- */

START_TEST(key_is_bound_to_each_member_but_itself)
{
    struct package others[] = {package, package, package, package, package, package, package,
                               package, package, package, package, package, package, package};
    const size_t count = sizeof others / sizeof others[0];
    uint8_t right[PACKAGE_INFO_BYTES];
    uint8_t info[PACKAGE_INFO_BYTES];
    others[0].transport_key.bytes[0] ^= 1;
    others[1].product[5] = 'u';
    others[2].profile[2] = 't';
    others[3].content[4] = '1';
    others[4].image.bytes[31] ^= 0x80;
    others[5].size++;
    others[6].made_unix_ms++;
    others[7].label[0] = '2';
    others[8].iv[11] ^= 1;
    others[9].iv_length--;
    others[10].tag[15] ^= 1;
    others[11].tag_length = 0;
    others[12].authorities_length = SHA256_SIZE;
    others[13].point[5] ^= 1;
    others[13].key[5] ^= 1;
    package_info(&package, right);
    for (size_t i = 0; i < count; i++) {
        package_info(&others[i], info);
        ck_assert_msg((memcmp(info, right, sizeof right) == 0) == (i == count - 1), "%zu", i);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_written_is_read,
        longest_members_fit,
        label_that_is_no_utf_8_is_not_written,
        each_bit_of_the_head_counts,
        each_cut_is_refused_as_one,
        nul_in_a_line_is_refused,
        line_without_end_is_refused,
        another_form_of_the_same_head_is_refused,
        key_is_bound_to_each_member_but_itself,
        NULL,
    };
    return run_suite(
        &(struct run_case){.name = "package", .timeout_s = 60, .set_up = set_up, .tests = tests});
}
