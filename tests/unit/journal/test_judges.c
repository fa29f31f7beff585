/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Judges that are not ours: Go's tlog and ECDSA, openssl's command line, a script in Python. Each
 * is seen to say no as well.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <check.h>
#include <jansson.h>

#include "core/bytes.h"
#include "export_sample.h"
#include "journal/tile.h"
#include "journal/tree.h"
#include "leaf_log.h"
#include "signer.h"
#include "support/temp_dir.h"
#include "tlog_judge.h"

#define LOG_SIZE 100000

static struct temp_dir dir;
static struct leaf_log leaves;
static struct tlog_judge judge;
static struct signer signer;
static struct fault fault;
static unsigned held;

static void set_up(void)
{
    temp_dir_make(&dir);
    signer_make(&signer, "P-256");
    leaf_log_make(&leaves, LOG_SIZE);
}

static void tear_down(void)
{
    leaf_log_free(&leaves);
    signer_clear(&signer);
    temp_dir_remove(&dir);
}

static struct sha256 root_of(int64_t size)
{
    struct sha256 root;
    struct tree_source source = leaf_log_see(&leaves, size);
    ck_assert_int_eq(tree_root(&source, size, &root, &fault), ERR_OK);
    return root;
}

/* Runs a shell command in which $DIR is the test's folder and $JUDGE the one of the scripts. */
static int shell(const char *command)
{
    char *line = NULL;
    ck_assert_int_gt(asprintf(&line, "DIR='%s'; JUDGE='%s/tests/judge'; %s", dir.path,
                              PROVISIOND_SOURCE_DIR, command),
                     0);
    int status = system(line);
    free(line);
    return status;
}

static void write_file(const char *name, const void *data, size_t length)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&dir, name, path);
    FILE *out = fopen(path, "we");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(data, 1, length, out), length);
    ck_assert_int_eq(fclose(out), 0);
}

/* ---- proofs ---- */

static const int64_t SIZES[] = {
    100,   127,   128,   129,   255,   256,   257,   300,   511,   512,      513,   767,
    768,   1000,  1023,  1024,  1025,  4096,  9999,  16384, 32768, 50000,    65279, 65280,
    65281, 65535, 65536, 65537, 65792, 70000, 81920, 98304, 99999, LOG_SIZE,
};
#define SIZE_COUNT (sizeof SIZES / sizeof SIZES[0])

static void claim_record(int64_t index, int64_t size, const struct sha256 *root)
{
    struct tree_proof proof;
    struct tree_source source = leaf_log_see(&leaves, size);
    if (tree_inclusion(&source, index, size, &proof, &fault) != ERR_OK)
        ck_abort_msg("no proof of %" PRId64 " in %" PRId64, index, size);
    tlog_judge_record(&judge, &proof, &leaves.levels[0][index], index, size, root);
}

START_TEST(go_accepts_inclusion_in_trees_of_up_to_a_hundred_thousand_leaves)
{
    tlog_judge_begin(&judge, &dir);
    for (int64_t size = 1; size <= 80; size++) {
        struct sha256 root = root_of(size);
        for (int64_t index = 0; index < size; index++)
            claim_record(index, size, &root);
    }
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        struct sha256 root = root_of(SIZES[i]);
        for (int64_t index = 0; index < SIZES[i]; index += 1 + SIZES[i] / 41)
            claim_record(index, SIZES[i], &root);
        claim_record(SIZES[i] - 1, SIZES[i], &root);
    }
    ck_assert_msg(tlog_judge_end(&judge, &held), "only %u of %u held", held, judge.count);
}
END_TEST

static void claim_tree(int64_t old_size, int64_t size)
{
    struct tree_proof proof;
    struct sha256 old_root = root_of(old_size);
    struct sha256 root = root_of(size);
    struct tree_source source = leaf_log_see(&leaves, size);
    if (tree_consistency(&source, old_size, size, &proof, &fault) != ERR_OK)
        ck_abort_msg("no proof of %" PRId64 " in %" PRId64, old_size, size);
    tlog_judge_tree(&judge, &proof, old_size, &old_root, size, &root);
}

START_TEST(go_accepts_consistency_of_trees_of_up_to_a_hundred_thousand_leaves)
{
    tlog_judge_begin(&judge, &dir);
    for (int64_t size = 1; size <= 80; size++) {
        for (int64_t old_size = 1; old_size <= size; old_size++)
            claim_tree(old_size, size);
    }
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        for (size_t j = 0; j <= i; j++)
            claim_tree(SIZES[j], SIZES[i]);
        claim_tree(1, SIZES[i]);
        claim_tree(SIZES[i] - 1, SIZES[i]);
    }
    ck_assert_msg(tlog_judge_end(&judge, &held), "only %u of %u held", held, judge.count);
}
END_TEST

/* The judge and our own checks are of one mind about damage as well. */
START_TEST(go_refuses_the_changed_proofs_that_we_refuse)
{
    struct tree_proof proof;
    struct sha256 old_root = root_of(5000);
    struct sha256 root = root_of(70000);
    struct tree_source source = leaf_log_see(&leaves, 70000);
    tlog_judge_begin(&judge, &dir);
    ck_assert_int_eq(tree_inclusion(&source, 4711, 70000, &proof, &fault), ERR_OK);
    for (size_t i = 0; i < proof.count; i++) {
        proof.hashes[i].bytes[i] ^= 1;
        ck_assert(!tree_inclusion_holds(&proof, &leaves.levels[0][4711], 4711, 70000, &root));
        tlog_judge_record(&judge, &proof, &leaves.levels[0][4711], 4711, 70000, &root);
        proof.hashes[i].bytes[i] ^= 1;
    }
    ck_assert_int_eq(tree_consistency(&source, 5000, 70000, &proof, &fault), ERR_OK);
    for (; proof.count > 0; proof.count--) {
        proof.hashes[0].bytes[0]++;
        ck_assert(!tree_consistency_holds(&proof, 5000, &old_root, 70000, &root));
        tlog_judge_tree(&judge, &proof, 5000, &old_root, 70000, &root);
    }
    ck_assert(!tlog_judge_end(&judge, &held));
    ck_assert_uint_eq(held, 0);
    ck_assert_uint_gt(judge.count, 30);
}
END_TEST

/* ---- tiles ---- */

static void write_tile(const struct tile *tile)
{
    char path[2 * TEMP_PATH_MAX];
    char name[TILE_NAME_SIZE];
    tile_name(tile, name);
    int start = snprintf(path, sizeof path, "%s/tiles/", dir.path);
    (void)snprintf(path + start, sizeof path - (size_t)start, "%s", name);
    for (char *at = path + start - 1; at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(path, 0700);
        *at = '/';
    }
    FILE *out = fopen(path, "we");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(&leaves.levels[tile->level][tile->index * TREE_TILE_WIDTH],
                             SHA256_SIZE, tile->width, out),
                      tile->width);
    (void)fclose(out);
}

/* All tiles of a log, as a mirror keeps them. */
static void write_tiles(int64_t size)
{
    struct tile tile = {.level = 0};
    for (; tile.level < TREE_LEVELS; tile.level++) {
        int64_t hashes = size >> (TREE_TILE_HEIGHT * tile.level);
        for (tile.index = 0; tile.index * TREE_TILE_WIDTH < hashes; tile.index++) {
            int64_t left = hashes - tile.index * TREE_TILE_WIDTH;
            tile.width = left < TREE_TILE_WIDTH ? (unsigned)left : TREE_TILE_WIDTH;
            ck_assert(tile_exists(&tile, size));
            write_tile(&tile);
        }
    }
}

/* Some leaves of a log that is nothing but tiles. */
static void claim_tiles(int64_t size)
{
    struct sha256 root = root_of(size);
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(root.bytes, SHA256_SIZE), hex);
    (void)fprintf(judge.claims,
                  "{\"op\":\"tiles\",\"dir\":\"%s/tiles\",\"size\":%" PRId64 ",\"root\":\"%s\","
                  "\"leaves\":{",
                  dir.path, size, hex);
    for (int64_t index = 0; index < size; index += 1 + size / 50) {
        hex_encode(bytes_of(leaves.levels[0][index].bytes, SHA256_SIZE), hex);
        (void)fprintf(judge.claims, "%s\"%" PRId64 "\":\"%s\"", index > 0 ? "," : "", index, hex);
    }
    tlog_judge_claim(&judge, "}}");
}

START_TEST(go_follows_a_log_of_a_hundred_thousand_leaves_by_its_tiles)
{
    static const int64_t sizes[] = {1, 255, 256, 257, 65536, 65537, LOG_SIZE};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        write_tiles(sizes[i]);
    tlog_judge_begin(&judge, &dir);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        claim_tiles(sizes[i]);
    ck_assert_msg(tlog_judge_end(&judge, &held), "only %u of %u held", held, judge.count);
    /* With one bit of the last tile changed it does not. */
    leaves.levels[0][LOG_SIZE - 1].bytes[0] ^= 1;
    write_tiles(LOG_SIZE);
    leaves.levels[0][LOG_SIZE - 1].bytes[0] ^= 1;
    tlog_judge_begin(&judge, &dir);
    claim_tiles(LOG_SIZE);
    ck_assert(!tlog_judge_end(&judge, &held));
}
END_TEST

START_TEST(go_names_tiles_as_we_do)
{
    char name[TILE_NAME_SIZE];
    tlog_judge_begin(&judge, &dir);
    for (unsigned i = 0; i < 6000; i++) {
        struct tile tile = {.is_entries = i % 6 == 5,
                            .level = i % 6 == 5 ? 0 : i % 6,
                            .index = (int64_t)i * i * i % (INT64_C(1) << 32),
                            .width = i % 256 + 1};
        tile_name(&tile, name);
        tlog_judge_claim(&judge,
                         "{\"op\":\"tile\",\"name\":\"%s\",\"level\":%u,\"index\":%" PRId64
                         ",\"width\":%u}",
                         name, tile.level, tile.index, tile.width);
    }
    ck_assert_msg(tlog_judge_end(&judge, &held), "only %u of %u held", held, judge.count);
}
END_TEST

/* ---- notes ---- */

static struct checkpoint checkpoint_of(int64_t size)
{
    return (struct checkpoint){
        .origin = "rig/provisiond/5f0cb3e1a7d9c2b4", .size = size, .root = root_of(size)};
}

static void claim_note(const char *note)
{
    json_t *claim = json_pack("{ss ss ss}", "op", "note", "note", note, "key", signer.pem);
    char *line = json_dumps(claim, JSON_COMPACT);
    tlog_judge_claim(&judge, "%s", line);
    free(line);
    json_decref(claim);
}

START_TEST(go_checks_the_signature_of_a_note)
{
    char note[CHECKPOINT_NOTE_MAX];
    tlog_judge_begin(&judge, &dir);
    for (int64_t size = 0; size <= 50; size++) {
        struct checkpoint checkpoint = checkpoint_of(size);
        (void)signer_note(&signer, &checkpoint, note);
        signer_add_line("witness", bytes_of("\1\2\3\4", 4), bytes_of("xyz", 3), note);
        claim_note(note);
    }
    ck_assert_msg(tlog_judge_end(&judge, &held), "only %u of %u held", held, judge.count);
    tlog_judge_begin(&judge, &dir);
    note[0] = 'R';
    claim_note(note);
    ck_assert(!tlog_judge_end(&judge, &held));
}
END_TEST

/* The three lines, and what stands in base64 behind the origin without the key's id. */
static void split_note(const char *note)
{
    uint8_t blob[CHECKPOINT_KEY_ID + CHECKPOINT_DER_MAX];
    size_t length = 0;
    const char *end = strstr(note, "\n\n") + 1;
    char *text = strdup(strrchr(note, ' ') + 1);
    text[strlen(text) - 1] = '\0';
    ck_assert_int_eq(base64_decode(text, blob, sizeof blob, &length), ERR_OK);
    free(text);
    write_file("body", note, (size_t)(end - note));
    write_file("signature", blob + CHECKPOINT_KEY_ID, length - CHECKPOINT_KEY_ID);
    write_file("key.pem", signer.pem, strlen(signer.pem));
}

START_TEST(openssl_checks_the_signature_of_a_note)
{
    static const char verify[] = "openssl dgst -sha256 -verify $DIR/key.pem -signature "
                                 "$DIR/signature $DIR/body >$DIR/said 2>&1";
    char note[CHECKPOINT_NOTE_MAX];
    struct checkpoint checkpoint = checkpoint_of(1042);
    (void)signer_note(&signer, &checkpoint, note);
    split_note(note);
    ck_assert_int_eq(shell(verify), 0);
    note[0] = 'R';
    split_note(note);
    ck_assert_int_ne(shell(verify), 0);
}
END_TEST

/* A receipt as the REST API gives it. */
static void write_receipt(int64_t index, int64_t size)
{
    char note[CHECKPOINT_NOTE_MAX];
    char entry[32];
    struct tree_proof proof;
    struct checkpoint checkpoint = checkpoint_of(size);
    struct tree_source source = leaf_log_see(&leaves, size);
    (void)signer_note(&signer, &checkpoint, note);
    ck_assert_int_eq(tree_inclusion(&source, index, size, &proof, &fault), ERR_OK);
    json_t *hashes = json_array();
    for (size_t i = 0; i < proof.count; i++) {
        char *text = NULL;
        ck_assert_int_eq(base64_encode(bytes_of(proof.hashes[i].bytes, SHA256_SIZE), &text),
                         ERR_OK);
        (void)json_array_append_new(hashes, json_string(text));
        free(text);
    }
    struct bytes leaf = leaf_log_entry(index, entry);
    json_t *receipt = json_pack("{ss ss% sI sI so ss}", "license_id", "lic-1", "leaf", leaf.data,
                                leaf.length, "index", (json_int_t)index, "tree_size",
                                (json_int_t)size, "proof", hashes, "checkpoint", note);
    char *text = json_dumps(receipt, JSON_COMPACT);
    write_file("receipt", text, strlen(text));
    free(text);
    json_decref(receipt);
}

START_TEST(go_judges_a_receipt)
{
    static const char verify[] = "$JUDGE/receipt.sh $DIR/receipt $DIR/key.pem 2>$DIR/said";
    write_file("key.pem", signer.pem, strlen(signer.pem));
    write_receipt(4711, 70000);
    ck_assert_int_eq(shell(verify), 0);
    ck_assert_int_ne(shell("sed -i 's/leaf 4711/leaf 4712/' $DIR/receipt"), -1);
    ck_assert_int_ne(shell(verify), 0);
    write_receipt(4711, 70000);
    ck_assert_int_eq(shell("openssl ecparam -name prime256v1 -genkey -noout | "
                           "openssl pkey -pubout -out $DIR/key.pem"),
                     0);
    ck_assert_int_ne(shell(verify), 0);
}
END_TEST

/* ---- exports ---- */

START_TEST(python_recomputes_the_root_of_a_hundred_thousand_exported_leaves)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&dir, "export", path);
    export_sample_file(path, &signer, 3, LOG_SIZE);
    ck_assert_int_eq(shell("python3 $JUDGE/root_of_export.py $DIR/export >$DIR/said && "
                           "grep -qE '^100000 [0-9a-f]{64}$' $DIR/said"),
                     0);
}
END_TEST

static const char *const DAMAGES[] = {
    "sed 's/SN-40\"/SN-41\"/'",                                 /* a leaf changed */
    "sed '/SN-40\"/d'",                                         /* removed */
    "sed 's/.*SN-40\".*/&\\n&/'",                               /* doubled */
    "awk 'NR == 20 {l = $0; next} {print} NR == 21 {print l}'", /* reordered */
    "sed '$d'",                                                 /* the tail cut */
    "head -c -1",
    "sed '2s/\"leaves\": *100/\"leaves\": 99/'",
};

START_TEST(python_refuses_a_changed_export)
{
    char command[512];
    char path[TEMP_PATH_MAX];
    temp_dir_path(&dir, "export", path);
    export_sample_file(path, &signer, 3, 100);
    ck_assert_int_eq(shell("python3 $JUDGE/root_of_export.py $DIR/export >$DIR/said"), 0);
    (void)snprintf(command, sizeof command,
                   "%s <$DIR/export >$DIR/lie && ! cmp -s $DIR/lie $DIR/export", DAMAGES[_i]);
    ck_assert_int_eq(shell(command), 0);
    ck_assert_int_ne(shell("python3 $JUDGE/root_of_export.py $DIR/lie >$DIR/said 2>&1"), 0);
}
END_TEST

/* The note in the header of a smaller export of the same leaves. */
static void write_old_note(int64_t size)
{
    struct export_account accounts[SAMPLE_ACCOUNTS];
    struct export_header header;
    export_sample_header(&signer, 0, size, accounts, &header);
    write_file("old.note", header.checkpoint, strlen(header.checkpoint));
}

START_TEST(go_finds_an_export_to_extend_an_older_checkpoint)
{
    static const char verify[] = "$JUDGE/consistency.sh $DIR/old.note $DIR/export 2>$DIR/said";
    char path[TEMP_PATH_MAX];
    temp_dir_path(&dir, "export", path);
    export_sample_file(path, &signer, 3, 1000);
    write_old_note(700);
    ck_assert_int_eq(shell(verify), 0);
    write_old_note(1000);
    ck_assert_int_eq(shell(verify), 0);
    write_old_note(1001);
    ck_assert_int_ne(shell(verify), 0);
    struct checkpoint other = checkpoint_of(700); /* of other leaves */
    char note[CHECKPOINT_NOTE_MAX];
    write_file("old.note", note, signer_note(&signer, &other, note));
    ck_assert_int_ne(shell(verify), 0);
}
END_TEST

static void add_tests(TCase *judges)
{
    tcase_add_test(judges, go_accepts_inclusion_in_trees_of_up_to_a_hundred_thousand_leaves);
    tcase_add_test(judges, go_accepts_consistency_of_trees_of_up_to_a_hundred_thousand_leaves);
    tcase_add_test(judges, go_refuses_the_changed_proofs_that_we_refuse);
    tcase_add_test(judges, go_follows_a_log_of_a_hundred_thousand_leaves_by_its_tiles);
    tcase_add_test(judges, go_names_tiles_as_we_do);
    tcase_add_test(judges, go_checks_the_signature_of_a_note);
    tcase_add_test(judges, openssl_checks_the_signature_of_a_note);
    tcase_add_test(judges, go_judges_a_receipt);
    tcase_add_test(judges, python_recomputes_the_root_of_a_hundred_thousand_exported_leaves);
    tcase_add_loop_test(judges, python_refuses_a_changed_export, 0,
                        sizeof DAMAGES / sizeof DAMAGES[0]);
    tcase_add_test(judges, go_finds_an_export_to_extend_an_older_checkpoint);
}

int main(void)
{
    Suite *suite = suite_create("journal judges");
    TCase *judges = tcase_create("judges");
    tcase_add_checked_fixture(judges, set_up, tear_down);
    tcase_set_timeout(judges, 120);
    add_tests(judges);
    suite_add_tcase(suite, judges);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
