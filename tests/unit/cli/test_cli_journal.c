/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The journal on the admin socket: what status tells of it, its export, and the override. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "admin_case.h"
#include "core/bytes.h"
#include "suite.h"

#define OTHER_HEX "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static Provisiond__AdminReply answer = PROVISIOND__ADMIN_REPLY__INIT;
static uint8_t other_bytes[32];

/* ---- status ---- */

static Provisiond__AdminStatusReply status = PROVISIOND__ADMIN_STATUS_REPLY__INIT;
static Provisiond__JournalHead anchor = PROVISIOND__JOURNAL_HEAD__INIT;
static Provisiond__JournalHead head = PROVISIOND__JOURNAL_HEAD__INIT;

static void say_status(void)
{
    status.initialised = 1;
    status.site = (char *)"plant-4";
    status.hsm_identity = digest;
    status.journal_size = 1234;
    status.hsm = (char *)"ok";
    status.checkpoint_size = 1230;
    status.anchored_size = 1200;
    status.origin = (char *)"plant-4/provisiond/0011223344556677";
    status.anchor = (char *)"ok";
    SAY(&answer, STATUS, status, &status);
}

/* The ledger is behind what the HSM remembers. */
static void say_mismatch(void)
{
    say_status();
    memcpy(other_bytes, digest.data, sizeof other_bytes);
    other_bytes[0] = 0xff;
    anchor.size = 2000;
    anchor.root = digest;
    head.size = 1234;
    head.root = (ProtobufCBinaryData){.data = other_bytes, .len = sizeof other_bytes};
    status.anchor = (char *)"mismatch";
    status.anchor_detail = (char *)"The journal is shorter than the anchor.";
    status.breach_anchor = &anchor;
    status.breach_head = &head;
}

#define HSM_ROWS                       \
    "Initialised     yes\n"            \
    "Site            plant-4\n"        \
    "HSM identity    " DIGEST_HEX "\n" \
    "HSM             ok\n"             \
    "Journal leaves  1234\n"           \
    "In checkpoint   1230\n"

START_TEST(status_tells_how_far_checkpoint_and_anchor_are)
{
    say_status();
    ADMIN("status");
    claim_done(HSM_ROWS "In anchor       1200\n"
                        "Origin          plant-4/provisiond/0011223344556677\n"
                        "Anchor          ok: the HSM remembers the journal\n");
}
END_TEST

START_TEST(status_says_in_words_that_there_is_no_anchor)
{
    say_status();
    status.anchor = (char *)"none";
    status.anchored_size = -1;
    ADMIN("status");
    claim_done(HSM_ROWS "In anchor       no anchor\n"
                        "Origin          plant-4/provisiond/0011223344556677\n"
                        "Anchor          none: this HSM cannot remember the journal; an older "
                        "ledger would not be noticed\n");
}
END_TEST

START_TEST(status_shows_both_heads_and_what_to_do_after_a_mismatch)
{
    say_mismatch();
    ADMIN("status");
    claim_done(
        HSM_ROWS
        "In anchor       1200\n"
        "Origin          plant-4/provisiond/0011223344556677\n"
        "Anchor          mismatch: the ledger is not the one that the HSM remembers; no new "
        "licenses\n"
        "                The journal is shorter than the anchor.\n"
        "HSM remembers   2000:" DIGEST_HEX "\n"
        "Ledger has      1234:" OTHER_HEX "\n"
        "\n"
        "The ledger does not go on where the HSM left it: it was restored from a copy, or\n"
        "changed. If you have the right ledger, stop provision-vault and put that one back:\n"
        "the file with its -wal and -shm, and none of those that are there now.\n"
        "Otherwise go on with this one. Each governed product's authorities sign a document\n"
        "of the kind override that names both heads; apply it with provctl grant apply. Then:\n"
        "\n"
        "provctl journal override --anchor 2000:" DIGEST_HEX " --head 1234:" OTHER_HEX "\n");
}
END_TEST

/* Two governed products and a local one. */
static void say_products(void)
{
    static Provisiond__AdminReply products = PROVISIOND__ADMIN_REPLY__INIT;
    static Provisiond__ProductListReply list = PROVISIOND__PRODUCT_LIST_REPLY__INIT;
    static Provisiond__ProductEntry made[3];
    static Provisiond__ProductEntry *entries[3];
    static const char *const names[] = {"meter", "local", "pump"};
    for (size_t i = 0; i < 3; i++) {
        made[i] = (Provisiond__ProductEntry)PROVISIOND__PRODUCT_ENTRY__INIT;
        made[i].name = (char *)names[i];
        made[i].governed = i != 1;
        entries[i] = &made[i];
    }
    list.n_products = 3;
    list.products = entries;
    SAY(&products, PRODUCT_LIST, product_list, &list);
}

START_TEST(status_names_the_products_whose_override_is_wanted)
{
    say_mismatch();
    say_products();
    ADMIN("status");
    ck_assert_msg(strstr(run.out, "\nGoverned products: meter, pump. provctl grant list NAME") !=
                      NULL,
                  "%s", run.out);
    ADMIN("status", "--json");
    json_t *object = json_loads(run.out, 0, NULL);
    json_t *governed = json_object_get(json_object_get(object, "breach"), "governed");
    ck_assert_uint_eq(json_array_size(governed), 2);
    json_decref(object);
}
END_TEST

START_TEST(a_refused_override_names_the_products_that_must_consent)
{
    say_fault(ERR_FORBIDDEN, "product-governed", "A governed product has not signed.");
    say_products();
    ADMIN("journal", "override", "--anchor", "2000:" DIGEST_HEX, "--head", "1234:" OTHER_HEX);
    ck_assert_int_eq(run.exit, 11);
    ck_assert_msg(strstr(run.err, "Governed here: meter, pump;") != NULL, "%s", run.err);
}
END_TEST

static json_t *member_of(json_t *object, const char *name)
{
    json_t *member = json_object_get(object, name);
    ck_assert_msg(member != NULL, "%s: %s", name, run.out);
    return member;
}

START_TEST(status_tells_machines_of_the_anchor)
{
    say_mismatch();
    status.anchored_size = -1;
    ADMIN("status", "--json");
    json_t *object = json_loads(run.out, 0, NULL);
    json_t *breach = member_of(object, "breach");
    ck_assert_int_eq(json_integer_value(member_of(object, "checkpoint_size")), 1230);
    ck_assert(json_is_null(member_of(object, "anchored_size")));
    ck_assert_str_eq(json_string_value(member_of(object, "anchor")), "mismatch");
    ck_assert_str_eq(json_string_value(member_of(object, "origin")), status.origin);
    ck_assert_str_eq(json_string_value(member_of(breach, "anchor")), "2000:" DIGEST_HEX);
    ck_assert_str_eq(json_string_value(member_of(breach, "head")), "1234:" OTHER_HEX);
    json_decref(object);
    say_status();
    ADMIN("status", "--json");
    object = json_loads(run.out, 0, NULL);
    ck_assert(json_is_null(member_of(object, "breach")));
    ck_assert_int_eq(json_integer_value(member_of(object, "anchored_size")), 1200);
    json_decref(object);
}
END_TEST

START_TEST(a_status_with_heads_that_are_none_is_refused)
{
    say_mismatch();
    head.root.len = 31;
    ADMIN("status");
    claim_failed(1, "The vault's answer holds a journal head that is none");
    say_mismatch();
    anchor.size = -1;
    ADMIN("status");
    claim_failed(1, "a journal head that is none");
    say_mismatch();
    status.breach_head = NULL;
    ADMIN("status", "--json");
    claim_failed(1, "a journal head that is none");
    say_status();
    status.anchored_size = -2;
    ADMIN("status");
    claim_failed(1, "The vault's answer holds a journal size below zero");
}
END_TEST

/* ---- export ---- */

#define EXPORT(...) ADMIN("journal", "export", "--out", out, ##__VA_ARGS__)

static char out[TEMP_PATH_MAX];
static size_t files_before;
static Provisiond__JournalExportReply exported = PROVISIOND__JOURNAL_EXPORT_REPLY__INIT;
static const char journal[] = "provisiond-journal/1\n{}\nleaf\n";

static void say_export(void)
{
    temp_dir_path(&dir, "journal.txt", out);
    files_before = count_files(&dir);
    exported.size = 1;
    exported.root = digest;
    vault.content = journal;
    SAY(&answer, JOURNAL_EXPORT, journal_export, &exported);
}

START_TEST(a_journal_is_written_by_the_vault_and_named_when_it_is_whole)
{
    char found[64];
    struct stat info;
    say_export();
    (void)umask(027);
    EXPORT();
    claim_done("leaves=1 root=" DIGEST_HEX "\n");
    ck_assert_int_eq((int)read_file(&dir, "journal.txt", found, sizeof found),
                     (int)sizeof journal - 1);
    ck_assert_str_eq(found, journal);
    ck_assert_int_eq(stat(out, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0640);
    ck_assert_uint_eq(count_files(&dir), files_before + 1);
    ck_assert_uint_eq(vault.request->journal_export->challenge.len, 0);
}
END_TEST

START_TEST(an_export_replaces_an_older_one_and_tells_machines)
{
    char found[64];
    char expected[512];
    say_export();
    write_file(&dir, "journal.txt", "an older and longer export of the journal", 41);
    EXPORT("--json");
    (void)snprintf(expected, sizeof expected,
                   "{\"file\": \"%s\", \"size\": 1, \"root\": \"" DIGEST_HEX "\"}\n", out);
    claim_done(expected);
    ck_assert_int_gt((int)read_file(&dir, "journal.txt", found, sizeof found), 0);
    ck_assert_str_eq(found, journal);
}
END_TEST

START_TEST(an_auditors_nonce_goes_along)
{
    char hex[131];
    memset(hex, 'a', sizeof hex - 1);
    hex[130] = '\0';
    say_export();
    EXPORT("--challenge", "00fFAa0102030405");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_uint_eq(vault.request->journal_export->challenge.len, 8);
    ck_assert_mem_eq(vault.request->journal_export->challenge.data, "\x00\xff\xaa\x01", 4);
    EXPORT("--challenge", hex + 2);
    ck_assert_uint_eq(vault.request->journal_export->challenge.len, 64);
    EXPORT("--challenge", hex);
    claim_failed(64, "--challenge wants 8 to 64 bytes as hex digits");
    EXPORT("--challenge", "00ff0102030405");
    claim_failed(64, "--challenge wants 8 to 64 bytes");
    EXPORT("--challenge", "00ff01020304050");
    claim_failed(64, "--challenge wants 8 to 64 bytes");
    EXPORT("--challenge", "00ff0102030405g0");
    claim_failed(64, "--challenge wants 8 to 64 bytes");
    ck_assert_uint_eq(vault.request_count, 2);
}
END_TEST

START_TEST(an_export_that_is_none_leaves_no_file)
{
    static const char *const contents[] = {NULL, "", "provisiond-journal/1",
                                           "provisiond-journal/2\n", "{}\n"};
    say_export();
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        vault.content = contents[i];
        EXPORT();
        claim_failed(1, "what it wrote is none");
        ck_assert_uint_eq(count_files(&dir), files_before);
    }
    vault.content = journal;
    exported.root.len = 31;
    EXPORT();
    claim_failed(1, "a digest of a wrong length");
    exported.root = digest;
    exported.size = -1;
    EXPORT();
    claim_failed(1, "a journal size below zero");
    ck_assert_uint_eq(count_files(&dir), files_before);
}
END_TEST

START_TEST(an_export_that_was_refused_or_lost_leaves_no_file)
{
    say_export();
    vault.replies[PROVISIOND__ADMIN_REQUEST__OP_JOURNAL_EXPORT] = NULL;
    say_fault(ERR_HSM_UNAVAILABLE, "hsm-timeout", "The HSM does not sign a checkpoint.");
    EXPORT();
    claim_failed(20, "The HSM does not sign a checkpoint. Try again in a moment.");
    vault.is_hanging_up = true;
    EXPORT();
    claim_failed(20, "The vault closed or does not answer its admin socket");
    ck_assert_uint_eq(count_files(&dir), files_before);
}
END_TEST

START_TEST(an_export_that_could_not_be_written_asks_nothing)
{
    say_export();
    ADMIN("journal", "export", "--out", "/nowhere/journal.txt");
    claim_failed(1, "/nowhere/journal.txt cannot be written");
    ADMIN("journal", "export", "--out", "-");
    claim_failed(64, "--out wants the name of a file");
    ADMIN("journal", "export", "--out", "/dev/null");
    claim_failed(1, "/dev/null is not a plain file");
    ADMIN("journal", "export");
    claim_failed(64, "The option --out FILE is missing");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

/* Reads the terminal until these words are drawn, or for ever: the test's time is limited. */
static void wait_for_words(int terminal, const char *words)
{
    char seen[4096] = "";
    size_t length = 0;
    while (strstr(seen, words) == NULL && length < sizeof seen - 1) {
        ssize_t n = read(terminal, seen + length, sizeof seen - 1 - length);
        ck_assert_int_gt((int)n, 0);
        length += (size_t)n;
        seen[length] = '\0';
    }
    ck_assert_ptr_nonnull(strstr(seen, words));
}

START_TEST(a_long_export_shows_what_is_written_on_a_terminal)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_eq(grantpt(terminal), 0);
    ck_assert_int_eq(unlockpt(terminal), 0);
    int line = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    say_export();
    const char *const argv[] = {"journal", "export", "--socket", vault.socket, "--out", out, NULL};
    vault.is_waiting = true;
    pid_t pid = provctl_start(&dir, line, argv);
    wait_for_words(terminal, "\r3 lines, 0 MiB");
    (void)sem_post(&vault.may_answer);
    ck_assert_int_eq(provctl_wait(pid), 0);
    (void)close(line);
    (void)close(terminal);
}
END_TEST

/* ---- override ---- */

static Provisiond__JournalOverrideReply overridden = PROVISIOND__JOURNAL_OVERRIDE_REPLY__INIT;

static void say_override(void)
{
    overridden.journal_index = 1234;
    SAY(&answer, JOURNAL_OVERRIDE, journal_override, &overridden);
}

#define OVERRIDE(anchor_text, head_text, ...) \
    ADMIN("journal", "override", "--anchor", anchor_text, "--head", head_text, ##__VA_ARGS__)

#define CONSEQUENCE                                                                           \
    "An override goes on with this ledger. Licenses that only the other one counted were\n"   \
    "issued and are charged no more; grants that only the other one had do not count here.\n" \
    "The override itself stays in the journal for ever, where every auditor sees it.\n"

START_TEST(an_override_says_first_what_it_means)
{
    say_override();
    OVERRIDE("2000:" DIGEST_HEX, "1234:" OTHER_HEX);
    ck_assert_int_eq(run.exit, 0);
    ck_assert_str_eq(run.out, "The override is leaf 1234 of the journal. The vault goes on.\n");
    ck_assert_str_eq(run.err, "The HSM remembers a journal of 2000 leaves. This ledger was found "
                              "with 1234: 766 are missing.\n" CONSEQUENCE);
    const Provisiond__JournalOverrideRequest *request = vault.request->journal_override;
    ck_assert_int_eq(request->anchor->size, 2000);
    ck_assert_mem_eq(request->anchor->root.data, digest.data, 32);
    ck_assert_int_eq(request->head->size, 1234);
    ck_assert_uint_eq(request->head->root.data[0], 0xff);
}
END_TEST

START_TEST(an_override_of_a_journal_with_other_leaves_says_so)
{
    say_override();
    OVERRIDE("2000:" DIGEST_HEX, "2001:" OTHER_HEX, "--json");
    ck_assert_str_eq(run.out, "{\"journal_index\": 1234}\n");
    ck_assert_str_eq(run.err, "The HSM remembers a journal of 2000 leaves. This ledger was found "
                              "with 2001, and other\nones among them than those.\n" CONSEQUENCE);
}
END_TEST

START_TEST(an_override_wants_both_heads_exactly)
{
    static const char *const wrong[] = {"",
                                        ":",
                                        DIGEST_HEX,
                                        ":" DIGEST_HEX,
                                        "-1:" DIGEST_HEX,
                                        "1:" DIGEST_HEX "0",
                                        "1:0" OTHER_HEX,
                                        "1: " DIGEST_HEX,
                                        "1:",
                                        "9223372036854775808:" DIGEST_HEX,
                                        "1:FF112233445566778899aabbccddeeff00112233445566778899aabb"
                                        "ccddeeff",
                                        "00000000000000000000000000000000001:" DIGEST_HEX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        OVERRIDE(wrong[i], "1:" DIGEST_HEX);
        claim_failed(64, "--anchor wants SIZE:ROOT as provctl status shows it");
        OVERRIDE("1:" DIGEST_HEX, wrong[i]);
        claim_failed(64, "--head wants SIZE:ROOT as provctl status shows it");
    }
    ADMIN("journal", "override", "--anchor", "1:" DIGEST_HEX);
    claim_failed(64, "The option --head SIZE:ROOT is missing");
    ADMIN("journal", "override", "--head", "1:" DIGEST_HEX);
    claim_failed(64, "The option --anchor SIZE:ROOT is missing");
    ADMIN("journal", "override");
    ck_assert_int_eq(run.exit, 64);
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

/* The explanation comes first; then one line. */
static void claim_override_refused(int exit, const char *line)
{
    OVERRIDE("2000:" DIGEST_HEX, "1234:" OTHER_HEX);
    ck_assert_int_eq(run.exit, exit);
    ck_assert_str_eq(run.out, "");
    const char *last = strstr(run.err, "provctl: ");
    ck_assert_msg(last != NULL && strcmp(last, line) == 0, "%s", run.err);
}

START_TEST(a_refused_override_says_what_to_do)
{
    say_fault(ERR_ANCHOR_MISMATCH, "other-heads", "");
    claim_override_refused(
        1, "provctl: The journal is not the one that the HSM remembers. See provctl status.\n");
    say_fault(ERR_CONFLICT, "no-mismatch", "There is nothing to override.");
    claim_override_refused(1, "provctl: There is nothing to override.\n");
    say_fault(ERR_FORBIDDEN, "product-governed", "It is governed.");
    claim_override_refused(
        11, "provctl: A governed product's authorities have not signed an override of these two "
            "heads. Ask them for a document of the kind override and apply it first: provctl grant "
            "apply FILE.\n");
}
END_TEST

/* ---- checkpoint keys, and the end ---- */

static Provisiond__CheckpointKey keys[3];
static Provisiond__CheckpointKey *key_links[3] = {&keys[0], &keys[1], &keys[2]};

static void say_keys(void)
{
    static const int64_t LEAVES[] = {-1, 77, -2};
    say_status();
    for (size_t i = 0; i < 3; i++) {
        provisiond__checkpoint_key__init(&keys[i]);
        keys[i].key = digest;
        keys[i].leaf = LEAVES[i];
    }
    status.n_checkpoint_keys = 3;
    status.checkpoint_keys = key_links;
}

START_TEST(status_lists_the_checkpoint_keys_and_from_where_they_sign)
{
    say_keys();
    ADMIN("status");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_ptr_nonnull(strstr(run.out, "Checkpoint keys  " DIGEST_HEX "\n"));
    ck_assert_ptr_nonnull(strstr(run.out, DIGEST_HEX " since leaf 77\n"));
    ck_assert_ptr_nonnull(strstr(run.out, DIGEST_HEX " (in the HSM, in no leaf of this ledger)"));
    ADMIN("status", "--json");
    ck_assert_ptr_nonnull(
        strstr(run.out, "{\"key\": \"" DIGEST_HEX "\", \"leaf\": 77, \"known\": true}"));
    ck_assert_ptr_nonnull(strstr(run.out, "\"leaf\": null, \"known\": false}"));
}
END_TEST

START_TEST(status_with_a_key_that_is_none_is_refused)
{
    say_keys();
    keys[2].key.len = 31;
    ADMIN("status");
    ck_assert_int_eq(run.exit, 1);
    ck_assert_str_eq(run.out, "");
}
END_TEST

START_TEST(status_says_that_the_journal_has_ended)
{
    say_status();
    status.retired = 1;
    status.anchor = (char *)"retired";
    ADMIN("status");
    ck_assert_ptr_nonnull(strstr(run.out, "firmware keys are still there"));
    status.keys_destroyed = 1;
    ADMIN("status");
    ck_assert_ptr_nonnull(strstr(run.out, "the keys are destroyed"));
}
END_TEST

static Provisiond__JournalRotateKeyReply rotated = PROVISIOND__JOURNAL_ROTATE_KEY_REPLY__INIT;

/* A real public key, and the line that names it. */
static const char *say_rotation(void)
{
    static unsigned char der[256];
    static char line[256];
    unsigned char *at = der;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char hex[SHA256_HEX_SIZE];
    rotated.spki = (ProtobufCBinaryData){.len = (size_t)i2d_PUBKEY(key, &at), .data = der};
    EVP_PKEY_free(key);
    const struct sha256 named = sha256_of(bytes_of(der, rotated.spki.len));
    hex_encode(bytes_of(named.bytes, SHA256_SIZE), hex);
    rotated.generation = 2;
    rotated.journal_index = 77;
    (void)snprintf(line, sizeof line, "generation=2 key=%s leaf=77", hex);
    SAY(&answer, JOURNAL_ROTATE_KEY, journal_rotate_key, &rotated);
    return line;
}

START_TEST(a_rotation_names_the_old_key_and_writes_the_new_one)
{
    char text[512];
    const char *line = say_rotation();
    temp_dir_path(&dir, "key.pem", out);
    ADMIN("journal", "rotate-key", DIGEST_HEX, "--out", out);
    ck_assert_int_eq(run.exit, 0);
    ck_assert_int_eq(strncmp(run.out, line, strlen(line)), 0);
    ck_assert_mem_eq(vault.request->journal_rotate_key->old_key.data, digest.data, 32);
    FILE *file = fopen(out, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, file));
    ck_assert_str_eq(text, "-----BEGIN PUBLIC KEY-----\n");
    (void)fclose(file);
    rotated.repeat = 1;
    ADMIN("journal", "rotate-key", DIGEST_HEX);
    ck_assert_ptr_nonnull(strstr(run.out, "leaf=77 repeat\n"));
}
END_TEST

START_TEST(a_rotation_of_what_is_no_key_asks_nothing)
{
    static const char *const WRONG[] = {"", "7", (DIGEST_HEX "0"), ("sha256:" DIGEST_HEX)};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        ADMIN("journal", "rotate-key", WRONG[i]);
        ck_assert_int_eq(run.exit, 64);
    }
    ADMIN("journal", "rotate-key");
    ck_assert_int_eq(run.exit, 64);
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

static Provisiond__HsmRetireReply retired = PROVISIOND__HSM_RETIRE_REPLY__INIT;
static Provisiond__HsmKeysDestroyReply destroyed = PROVISIOND__HSM_KEYS_DESTROY_REPLY__INIT;

START_TEST(the_end_of_a_journal_names_the_successor)
{
    retired.journal_index = 99;
    SAY(&answer, HSM_RETIRE, hsm_retire, &retired);
    ADMIN("hsm", "retire", "--successor", DIGEST_HEX, "--yes");
    claim_done("The journal ended with leaf 99. Nothing is licensed here any more.\n");
    ck_assert_mem_eq(vault.request->hsm_retire->successor.data, digest.data, 32);
    retired.repeat = 1;
    ADMIN("hsm", "retire", "--json", "--yes");
    claim_done("{\"journal_index\": 99, \"repeat\": true}\n");
    ck_assert_uint_eq(vault.request->hsm_retire->successor.len, 0);
}
END_TEST

/* Standard input is empty here. */
START_TEST(no_journal_ends_without_the_word)
{
    SAY(&answer, HSM_RETIRE, hsm_retire, &retired);
    ADMIN("hsm", "retire");
    ck_assert_int_eq(run.exit, 64);
    ck_assert_ptr_nonnull(strstr(run.err, "for ever"));
    ck_assert_ptr_nonnull(strstr(run.err, "the journal goes on"));
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

START_TEST(keys_are_destroyed_after_it_was_said_what_is_lost)
{
    destroyed.destroyed = 4;
    SAY(&answer, HSM_DESTROY_KEYS, hsm_destroy_keys, &destroyed);
    ADMIN("hsm", "retire", "--destroy-keys", DIGEST_HEX);
    ck_assert_int_eq(run.exit, 0);
    ck_assert_str_eq(run.out, "destroyed=4\n");
    ck_assert_ptr_nonnull(strstr(run.err, "images that were encrypted here"));
    ck_assert_mem_eq(vault.request->hsm_destroy_keys->hsm_identity.data, digest.data, 32);
}
END_TEST

START_TEST(keys_are_destroyed_by_the_hsms_name_alone)
{
    ADMIN("hsm", "retire", "--destroy-keys", "yes");
    ck_assert_int_eq(run.exit, 64);
    ADMIN("hsm", "retire", "--destroy-keys", DIGEST_HEX, "--successor", DIGEST_HEX);
    ck_assert_int_eq(run.exit, 64);
    ADMIN("hsm", "retire", "--successor", "5f");
    ck_assert_int_eq(run.exit, 64);
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {status_tells_how_far_checkpoint_and_anchor_are,
                                  status_says_in_words_that_there_is_no_anchor,
                                  status_shows_both_heads_and_what_to_do_after_a_mismatch,
                                  status_names_the_products_whose_override_is_wanted,
                                  a_refused_override_names_the_products_that_must_consent,
                                  status_tells_machines_of_the_anchor,
                                  a_status_with_heads_that_are_none_is_refused,
                                  a_journal_is_written_by_the_vault_and_named_when_it_is_whole,
                                  an_export_replaces_an_older_one_and_tells_machines,
                                  an_auditors_nonce_goes_along,
                                  an_export_that_is_none_leaves_no_file,
                                  an_export_that_was_refused_or_lost_leaves_no_file,
                                  an_export_that_could_not_be_written_asks_nothing,
                                  a_long_export_shows_what_is_written_on_a_terminal,
                                  an_override_says_first_what_it_means,
                                  an_override_of_a_journal_with_other_leaves_says_so,
                                  an_override_wants_both_heads_exactly,
                                  a_refused_override_says_what_to_do,
                                  status_lists_the_checkpoint_keys_and_from_where_they_sign,
                                  status_with_a_key_that_is_none_is_refused,
                                  status_says_that_the_journal_has_ended,
                                  a_rotation_names_the_old_key_and_writes_the_new_one,
                                  a_rotation_of_what_is_no_key_asks_nothing,
                                  the_end_of_a_journal_names_the_successor,
                                  no_journal_ends_without_the_word,
                                  keys_are_destroyed_after_it_was_said_what_is_lost,
                                  keys_are_destroyed_by_the_hsms_name_alone,
                                  NULL};
    return suite_run("cli journal", admin_case_set_up, admin_case_tear_down, tests);
}
