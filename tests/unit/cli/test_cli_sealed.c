/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Images packed at home: what the maker sees and gets, and what of it reaches the vault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin_case.h"
#include "handover/package.h"
#include "suite.h"

#define FIRMWARE       "a firmware of a few bytes"
#define FIRMWARE_BYTES (sizeof FIRMWARE - 1)
#define IDENTITY       "0011223344556677889900112233445566778899001122334455667788990011"

static Provisiond__AdminReply answer = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__ImageImportReply imported = PROVISIOND__IMAGE_IMPORT_REPLY__INIT;
static char key_file[TEMP_PATH_MAX];
static char firmware[TEMP_PATH_MAX];
static char package_file[TEMP_PATH_MAX];
static char line[PROVCTL_OUTPUT_MAX]; /* what image seal printed */

#define SEAL(...)                                                                            \
    PROVCTL(&dir, &run, "image", "seal", "--transport-key", key_file, "--out", package_file, \
            __VA_ARGS__)

/* A shell line in the test's folder. */
static void run_here(const char *text)
{
    char command[1024];
    (void)snprintf(command, sizeof command, "cd '%s' && %s", dir.path, text);
    ck_assert_int_eq(system(command), 0);
}

static void set_up(void)
{
    admin_case_set_up();
    temp_dir_path(&dir, "site.txt", key_file);
    temp_dir_path(&dir, "firmware", firmware);
    temp_dir_path(&dir, "widget.package", package_file);
    write_file(&dir, "firmware", FIRMWARE, FIRMWARE_BYTES);
    run_here(
        "openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout >pem && { echo "
        "hsm-identity: " IDENTITY "; cat pem; } >site.txt");
}

/* The head of the package, and where its image begins. */
static size_t read_package(struct package *ret_package, char *bytes, size_t size,
                           size_t *ret_length)
{
    struct fault fault = {0};
    size_t head = 0;
    FILE *file = fopen(package_file, "re");
    ck_assert_ptr_nonnull(file);
    *ret_length = fread(bytes, 1, size, file);
    (void)fclose(file);
    ck_assert_msg(package_read_head(bytes, *ret_length, ret_package, &head, &fault) == ERR_OK, "%s",
                  fault.reason);
    return head;
}

static void seal(void)
{
    SEAL("--product", "widget", "--label", "1.4.2", firmware);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    (void)snprintf(line, sizeof line, "%s", run.out);
}

START_TEST(seal_prints_the_digest_and_whom_it_was_packed_for)
{
    struct package package;
    char bytes[PACKAGE_HEAD_MAX];
    char hex[SHA256_HEX_SIZE];
    size_t length = 0;
    seal();
    const size_t head = read_package(&package, bytes, sizeof bytes, &length);
    const struct sha256 image = sha256_of(bytes_of(bytes + head, length - head));
    hex_encode(bytes_of(image.bytes, SHA256_SIZE), hex);
    ck_assert_int_eq(strncmp(line, "sha256:", 7), 0);
    ck_assert_int_eq(strncmp(line + 7, hex, SHA256_HEX_SIZE - 1), 0);
    ck_assert(sha256_equal(&image, &package.image));
    ck_assert_int_eq(package.size, FIRMWARE_BYTES);
    ck_assert_str_eq(package.label, "1.4.2");
    ck_assert_str_eq(package.content, "aes-256-gcm");
    hex_encode(bytes_of(package.transport_key.bytes, SHA256_SIZE), hex);
    ck_assert_ptr_nonnull(strstr(run.err, hex));
    ck_assert_ptr_nonnull(strstr(run.err, IDENTITY));
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

/* Nor is there a file that was meant to be seen by nobody. */
START_TEST(package_does_not_hold_the_firmware_and_nothing_is_left_beside_it)
{
    seal();
    run_here(
        "! grep -q 'a firmware' widget.package && test $(ls -A | grep -c widget.package) = 1 && "
        "cp widget.package first");
    seal();
    run_here("! cmp -s first widget.package"); /* another key, another nonce */
}
END_TEST

START_TEST(seal_tells_machines_the_same)
{
    SEAL("--product", "widget", "--format", "suit", "--content", "aes-128-ctr", "--json", firmware);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    json_t *said = json_loads(run.out, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(said, "product")), "widget");
    ck_assert_str_eq(json_string_value(json_object_get(said, "content")), "aes-128-ctr");
    ck_assert_int_eq(json_integer_value(json_object_get(said, "size")), FIRMWARE_BYTES);
    ck_assert_uint_eq(json_string_length(json_object_get(said, "image")), 71);
    ck_assert_uint_eq(json_string_length(json_object_get(said, "transport_key")), 71);
    json_decref(said);
}
END_TEST

START_TEST(import_gives_the_vault_all_that_the_head_says_and_the_image)
{
    struct package package;
    char bytes[PACKAGE_HEAD_MAX];
    size_t length = 0;
    seal();
    const size_t head = read_package(&package, bytes, sizeof bytes, &length);
    imported.is_new = true;
    SAY(&answer, IMAGE_IMPORT, image_import, &imported);
    ADMIN("image", "import", package_file, "--product", "gadget");
    claim_done(line);
    const Provisiond__ImageImportRequest *asked = vault.request->image_import;
    ck_assert_str_eq(asked->for_product, "gadget");
    ck_assert_str_eq(asked->product, "widget");
    ck_assert_str_eq(asked->profile, "cms");
    ck_assert_str_eq(asked->label, "1.4.2");
    ck_assert_int_eq(asked->size, FIRMWARE_BYTES);
    ck_assert_uint_eq(asked->key.len, 40);
    ck_assert_mem_eq(asked->key.data, package.key, 40);
    ck_assert_mem_eq(asked->iv.data, package.iv, 12);
    ck_assert_mem_eq(asked->tag.data, package.tag, 16);
    /* The descriptor is at the image. */
    ck_assert_uint_eq(vault.file_length, FIRMWARE_BYTES);
    ck_assert_mem_eq(vault.file, bytes + head, FIRMWARE_BYTES);
}
END_TEST

START_TEST(image_that_was_there_is_told_apart)
{
    seal();
    imported.is_new = false;
    SAY(&answer, IMAGE_IMPORT, image_import, &imported);
    ADMIN("image", "import", package_file, "--product", "widget");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_str_eq(run.out, line);
    ck_assert_ptr_nonnull(strstr(run.err, "there already"));
    ADMIN("image", "import", package_file, "--product", "widget", "--json");
    ck_assert_ptr_nonnull(strstr(run.out, "\"new\": false"));
}
END_TEST

START_TEST(file_that_is_no_package_reaches_no_vault)
{
    ADMIN("image", "import", firmware, "--product", "widget");
    claim_failed(1, "no package of a sealed image");
    seal();
    run_here("truncate -s -1 widget.package");
    ADMIN("image", "import", package_file, "--product", "widget");
    claim_failed(1, "has 24 bytes behind its head and must have 25");
    ADMIN("image", "import", "/nowhere", "--product", "widget");
    ck_assert_ptr_nonnull(strstr(run.err, "cannot be read"));
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

START_TEST(refusal_of_the_vault_is_printed)
{
    seal();
    say_fault(ERR_BAD_REQUEST, "import-refused", "The session key does not open.");
    ADMIN("image", "import", package_file, "--product", "widget");
    claim_failed(1, "The session key does not open.");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {seal_prints_the_digest_and_whom_it_was_packed_for,
                                  package_does_not_hold_the_firmware_and_nothing_is_left_beside_it,
                                  seal_tells_machines_the_same,
                                  import_gives_the_vault_all_that_the_head_says_and_the_image,
                                  image_that_was_there_is_told_apart,
                                  file_that_is_no_package_reaches_no_vault,
                                  refusal_of_the_vault_is_printed,
                                  NULL};
    return suite_run("cli sealed", set_up, admin_case_tear_down, tests);
}
