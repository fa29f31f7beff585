/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Standby HSMs on the admin socket: what people see, type and hand over. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin_case.h"
#include "handover/handover.h"
#include "suite.h"

#define KEY_HEX "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static Provisiond__AdminReply answer = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__StandbyListReply list = PROVISIOND__STANDBY_LIST_REPLY__INIT;
static Provisiond__StandbyAddReply added = PROVISIOND__STANDBY_ADD_REPLY__INIT;
static Provisiond__StandbyRemoveReply removed = PROVISIOND__STANDBY_REMOVE_REPLY__INIT;
static Provisiond__StandbyExportReply exported = PROVISIOND__STANDBY_EXPORT_REPLY__INIT;
static Provisiond__StandbyImportReply imported = PROVISIOND__STANDBY_IMPORT_REPLY__INIT;
static uint8_t key_digest[SHA256_SIZE];
static uint8_t spki[256];
static size_t spki_length;
static char key_file[TEMP_PATH_MAX];
static char keys_file[TEMP_PATH_MAX];

/* A shell line in the test's folder. */
__attribute__((format(printf, 1, 2))) static int run_here(const char *format, ...)
{
    char line[1024];
    int at = snprintf(line, sizeof line, "cd '%s' && ", dir.path);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line + at, sizeof line - (size_t)at, format, arguments);
    va_end(arguments);
    return system(line);
}

static void set_up(void)
{
    char path[TEMP_PATH_MAX];
    admin_case_set_up();
    temp_dir_path(&dir, "b.txt", key_file);
    temp_dir_path(&dir, "w.keys", keys_file);
    temp_dir_path(&dir, "b.der", path);
    ck_assert(hex_decode(KEY_HEX, key_digest, SHA256_SIZE));
    ck_assert_int_eq(run_here("openssl ecparam -name prime256v1 -genkey -noout -out b.key && "
                              "openssl pkey -in b.key -pubout -outform DER -out b.der"),
                     0);
    FILE *file = fopen(path, "re");
    spki_length = fread(spki, 1, sizeof spki, file);
    (void)fclose(file);
}

static ProtobufCBinaryData binary(uint8_t *data, size_t length)
{
    return (ProtobufCBinaryData){.len = length, .data = data};
}

/* ---- the statement ---- */

static void say_own(void)
{
    list.hsm_identity = digest;
    list.transport_spki = binary(spki, spki_length);
    SAY(&answer, STANDBY_LIST, standby_list, &list);
}

static void put_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    (void)fputs(text, file);
    (void)fclose(file);
}

START_TEST(what_one_hsm_prints_the_other_takes)
{
    char hex[SHA256_HEX_SIZE];
    const struct sha256 own = sha256_of(bytes_of(spki, spki_length));
    hex_encode(bytes_of(own.bytes, SHA256_SIZE), hex);
    say_own();
    ADMIN("hsm", "transport-key");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_int_eq(strncmp(run.out, "hsm-identity: " DIGEST_HEX "\ntransport-key-sha256: ", 101),
                     0);
    ck_assert_ptr_nonnull(strstr(run.out, hex));
    put_text(key_file, run.out);
    SAY(&answer, STANDBY_ADD, standby_add, &added);
    ADMIN("standby", "add", "b", "--key", key_file);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_ptr_nonnull(strstr(run.out, DIGEST_HEX));
    ck_assert_ptr_nonnull(strstr(run.out, hex));
    ck_assert_ptr_nonnull(strstr(run.err, "read both numbers to you"));
    const Provisiond__StandbyAddRequest *asked = vault.request->standby_add;
    ck_assert_str_eq(asked->name, "b");
    ck_assert_uint_eq(asked->transport_spki.len, spki_length);
    ck_assert_mem_eq(asked->transport_spki.data, spki, spki_length);
    ck_assert_mem_eq(asked->hsm_identity.data, digest.data, SHA256_SIZE);
}
END_TEST

START_TEST(statement_that_was_changed_reaches_no_vault)
{
    static char text[PROVCTL_OUTPUT_MAX];
    say_own();
    ADMIN("hsm", "transport-key");
    (void)snprintf(text, sizeof text, "%s", run.out);
    unsigned before = vault.request_count;
    char *at = strstr(text, "sha256: ") + 8;
    *at = *at == '0' ? '1' : '0';
    put_text(key_file, text);
    ADMIN("standby", "add", "b", "--key", key_file);
    claim_failed(64, "it was changed");
    put_text(key_file, "hsm-identity: 00\n");
    ADMIN("standby", "add", "b", "--key", key_file);
    claim_failed(64, "holds no public key in PEM");
    ck_assert_int_eq(run_here("openssl pkey -in b.key -out b.txt"), 0);
    ADMIN("standby", "add", "b", "--key", key_file);
    claim_failed(64, "holds a private key");
    ck_assert_int_eq(run_here("openssl pkey -in b.key -pubout -out b.txt"), 0);
    ADMIN("standby", "add", "b", "--key", key_file);
    claim_failed(64, "give --identity");
    ADMIN("standby", "add", "b", "--key", key_file, "--identity", "00");
    claim_failed(64, "--identity wants 64");
    ck_assert_uint_eq(vault.request_count, before);
    SAY(&answer, STANDBY_ADD, standby_add, &added);
    ADMIN("standby", "add", "b", "--key", key_file, "--identity", KEY_HEX);
    ck_assert_int_eq(run.exit, 0);
    ck_assert_mem_eq(vault.request->standby_add->hsm_identity.data, key_digest, SHA256_SIZE);
}
END_TEST

START_TEST(hsm_that_is_away_has_no_key_to_print)
{
    say_own();
    list.transport_spki.len = 0;
    ADMIN("hsm", "transport-key");
    ck_assert_int_ne(run.exit, 0);
    ck_assert_ptr_nonnull(strstr(run.err, "The HSM is away"));
    list.hsm_identity.len = 0;
    ADMIN("hsm", "transport-key");
    ck_assert_ptr_nonnull(strstr(run.err, "not bound to an HSM yet"));
}
END_TEST

/* ---- the list ---- */

START_TEST(list_says_what_each_standby_lacks)
{
    Provisiond__StandbyEntry entry = PROVISIOND__STANDBY_ENTRY__INIT;
    Provisiond__StandbyEntry *entries[] = {&entry};
    Provisiond__StandbyHas has = PROVISIOND__STANDBY_HAS__INIT;
    Provisiond__StandbyHas *rows[] = {&has};
    entry.name = (char *)"b";
    entry.hsm_identity = digest;
    entry.transport_key = binary(key_digest, SHA256_SIZE);
    entry.added_unix_ms = 1795773600000;
    has.standby = (char *)"b";
    has.product = (char *)"widget";
    has.images = 12;
    has.exported = 9;
    has.exported_unix_ms = 1795773600000;
    list.n_standbys = list.n_has = 1;
    list.standbys = entries;
    list.has = rows;
    SAY(&answer, STANDBY_LIST, standby_list, &list);
    ADMIN("standby", "list");
    claim_done(
        "STANDBY  HSM                                                               TRANSPORT "
        "KEY\n"
        "b        " DIGEST_HEX "  " KEY_HEX "\n"
        "\n"
        "STANDBY  PRODUCT  IMAGES  NEW  EXPORTED\n"
        "b        widget       12    3  2026-11-27T10:00:00.000Z\n");
    ADMIN("standby", "list", "--json");
    claim_json(json_pack("{s[{ss ss ss ss}] s[{ss ss si si ss}]}", "standbys", "standby", "b",
                         "hsm_identity", DIGEST_HEX, "transport_key", KEY_HEX, "added",
                         "2026-11-27T10:00:00.000Z", "products", "standby", "b", "product",
                         "widget", "images", 12, "new", 3, "exported", "2026-11-27T10:00:00.000Z"));
    entry.transport_key.len = 5;
    ADMIN("standby", "list");
    ck_assert_int_eq(run.exit, 1);
}
END_TEST

START_TEST(standby_is_removed_by_its_name)
{
    SAY(&answer, STANDBY_REMOVE, standby_remove, &removed);
    ADMIN("standby", "remove", "b");
    claim_done("b: no more session keys are wrapped for it.\n");
    ck_assert_str_eq(vault.request->standby_remove->name, "b");
    vault.replies[PROVISIOND__ADMIN_REQUEST__OP_STANDBY_REMOVE] = NULL;
    say_fault(ERR_CONFLICT, "standby-unknown", "There is no standby HSM of this name.");
    ADMIN("standby", "remove", "c");
    ck_assert_int_ne(run.exit, 0);
    ck_assert_ptr_nonnull(strstr(run.err, "There is no standby HSM of this name"));
}
END_TEST

/* ---- the file ---- */

START_TEST(export_gets_its_name_only_when_the_vault_wrote_it)
{
    exported.images = 12;
    exported.added = 3;
    exported.file = digest;
    exported.standby = (char *)"b";
    SAY(&answer, STANDBY_EXPORT, standby_export, &exported);
    vault.content = HANDOVER_MAGIC "\n";
    ADMIN("standby", "export", keys_file, "--product", "widget");
    claim_done("standby=b images=12 new=3 sha256=" DIGEST_HEX "\n");
    ck_assert_int_eq(access(keys_file, R_OK), 0);
    ck_assert_str_eq(vault.request->standby_export->product, "widget");
    ck_assert_str_eq(vault.request->standby_export->standby, "");
    ck_assert_int_eq(unlink(keys_file), 0);
    vault.content = "something else\n";
    ADMIN("standby", "export", keys_file, "--product", "widget", "--to", "b");
    claim_failed(1, "is another thing");
    ck_assert_int_ne(access(keys_file, R_OK), 0);
    ck_assert_str_eq(vault.request->standby_export->standby, "b");
    vault.replies[PROVISIOND__ADMIN_REQUEST__OP_STANDBY_EXPORT] = NULL;
    say_fault(ERR_FORBIDDEN, "standby-not-signed", "No signed document names this HSM.");
    ADMIN("standby", "export", keys_file, "--product", "widget");
    claim_failed(11, "No signed document names this HSM.");
    ck_assert_int_ne(access(keys_file, R_OK), 0);
}
END_TEST

static void write_keys(int64_t images)
{
    struct handover_header header = {
        .product = "widget", .profile = "cms", .images = images, .made_unix_ms = 1};
    struct handover_image image = {.size = 5, .iv_length = 12, .key_length = 40};
    struct handover_file file = {.stream = fopen(keys_file, "we")};
    struct sha256 ignored;
    struct fault fault;
    strcpy(image.label, "1.4");
    ck_assert_int_eq(handover_write_header(&file, &header, &fault), ERR_OK);
    for (int64_t i = 0; i < images; i++) {
        image.digest.bytes[0] = (uint8_t)i;
        ck_assert_int_eq(handover_write_image(&file, &image, &fault), ERR_OK);
    }
    ck_assert_int_eq(handover_write_end(&file, &ignored, &fault), ERR_OK);
    handover_file_clear(&file);
    (void)fclose(file.stream);
}

START_TEST(import_asks_for_each_image_with_all_that_the_file_says)
{
    char zeros[SHA256_HEX_SIZE];
    const uint8_t nothing[SHA256_SIZE] = {1};
    hex_encode(bytes_of(nothing, SHA256_SIZE), zeros);
    write_keys(2);
    imported.is_new = true;
    SAY(&answer, STANDBY_IMPORT, standby_import, &imported);
    ck_assert_int_eq(run_here("mkdir images && printf hello >images/%s", zeros), 0);
    char images[TEMP_PATH_MAX];
    temp_dir_path(&dir, "images", images);
    ADMIN("standby", "import", keys_file, "--images", images);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_int_eq(strncmp(run.out, "product=widget images=2 new=2 sha256=", 37), 0);
    ck_assert_uint_eq(vault.request_count, 2);
    const Provisiond__StandbyImportRequest *asked = vault.request->standby_import;
    ck_assert_str_eq(asked->product, "widget");
    ck_assert_str_eq(asked->label, "1.4");
    ck_assert_int_eq(asked->images, 2);
    ck_assert_uint_eq(asked->key.len, 40);
    ck_assert_uint_eq(asked->iv.len, 12);
    ck_assert_uint_eq(vault.file_length, 5); /* the second one's file came along */
}
END_TEST

/* Nothing of a file that is not whole reaches the vault. */
START_TEST(file_that_is_not_whole_imports_nothing)
{
    write_keys(3);
    SAY(&answer, STANDBY_IMPORT, standby_import, &imported);
    ck_assert_int_eq(run_here("head -c -20 w.keys >cut && mv cut w.keys"), 0);
    ADMIN("standby", "import", keys_file);
    ck_assert_int_ne(run.exit, 0);
    ck_assert_ptr_nonnull(strstr(run.err, "line 6"));
    ck_assert_ptr_nonnull(strstr(run.err, "cut off"));
    ck_assert_int_eq(run_here("truncate -s 40M w.keys"), 0);
    ADMIN("standby", "import", keys_file);
    claim_failed(64, "too large");
    ADMIN("standby", "import", "/nowhere");
    ck_assert_ptr_nonnull(strstr(run.err, "cannot be read"));
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

START_TEST(refusal_names_the_image)
{
    write_keys(2);
    say_fault(ERR_BAD_REQUEST, "import-refused", "The session key does not open.");
    ADMIN("standby", "import", keys_file);
    ck_assert_int_ne(run.exit, 0);
    ck_assert_ptr_nonnull(strstr(run.err, "Image 0000000000000000...: The session key does not"));
    ck_assert_uint_eq(vault.request_count, 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {what_one_hsm_prints_the_other_takes,
                                  statement_that_was_changed_reaches_no_vault,
                                  hsm_that_is_away_has_no_key_to_print,
                                  list_says_what_each_standby_lacks,
                                  standby_is_removed_by_its_name,
                                  export_gets_its_name_only_when_the_vault_wrote_it,
                                  import_asks_for_each_image_with_all_that_the_file_says,
                                  file_that_is_not_whole_imports_nothing,
                                  refusal_names_the_image,
                                  NULL};
    return suite_run("cli standby", set_up, admin_case_tear_down, tests);
}
