/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The journal as a tlog-tiles client reads it: checkpoint, tiles, key. */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "front.h"
#include "peer_reply.h"
#include "suites.h"

#define TILE_WIDTH 256
#define LEAF_MAX   8192
#define FOR_EVER   "private, max-age=31536000, immutable"

static struct answer answer;

/* word is what the peer shall do (peer_reply.h). */
static void get(const char *path, const char *word)
{
    char id[128];
    (void)snprintf(id, sizeof id, "X-Request-Id: %s", word);
    call_send(&(struct call){.path = path, .headers = {id}}, &answer);
}

static void expect_refused(const char *path, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        get(path, words[i]);
        ck_assert_msg(answer.status == 500, "%s: %ld", words[i], answer.status);
        answer_expect_problem(&answer, 500, "internal");
        answer_clear(&answer);
    }
}

static void expect_head(const char *path, const char *media_type, size_t length)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%zu", length);
    call_send(&(struct call){.path = path, .method = "HEAD"}, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.length, 0);
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), media_type);
    ck_assert_str_eq(answer_header(&answer, "Content-Length"), text);
    answer_clear(&answer);
}

/* ---- the checkpoint ---- */

START_TEST(checkpoint_is_the_note_byte_for_byte)
{
    get("/v1/journal/checkpoint", "some");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body, PEER_NOTE);
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "text/plain; charset=utf-8");
    ck_assert_str_eq(answer_header(&answer, "Cache-Control"), "no-cache");
    ck_assert_str_eq(answer_header(&answer, "X-Request-Id"), "some");
    answer_clear(&answer);
    get("/v1/journal/checkpoint", "largest-note");
    ck_assert_uint_eq(answer.length, 4095);
    answer_clear(&answer);
    expect_head("/v1/journal/checkpoint", "text/plain; charset=utf-8", strlen(PEER_NOTE));
}
END_TEST

START_TEST(checkpoint_that_does_not_exist_yet_is_to_be_asked_for_again)
{
    get("/v1/journal/checkpoint", "fault-not-covered-yet");
    answer_expect_problem(&answer, 503, "not-covered-yet");
    ck_assert_str_eq(answer_header(&answer, "Retry-After"), "1");
    ck_assert(json_is_true(json_object_get(answer.json, "retryable")));
    answer_clear(&answer);
}
END_TEST

START_TEST(checkpoint_that_is_no_text_is_refused)
{
    static const char *const words[] = {"empty-note",      "long-note", "nul-in-note",
                                        "control-in-note", "cut-note",  "bad-utf8-note",
                                        "other-type",      NULL};
    expect_refused("/v1/journal/checkpoint", words);
}
END_TEST

/* ---- tiles ---- */

static void expect_tile(const char *path, size_t length, const char *cache_control)
{
    get(path, "some");
    ck_assert_msg(answer.status == 200, "%s", path);
    ck_assert_uint_eq(answer.length, length);
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/octet-stream");
    ck_assert_str_eq(answer_header(&answer, "Cache-Control"), cache_control);
}

START_TEST(full_tile_comes_whole_and_may_be_kept_for_ever)
{
    expect_tile("/v1/journal/tile/1/x001/x234/067", TILE_WIDTH * SHA256_SIZE, FOR_EVER);
    for (size_t i = 0; i < answer.length; i++)
        ck_assert_int_eq((unsigned char)answer.body[i], (int)(i % 251));
    answer_clear(&answer);
    struct peer_seen seen = vault_peer_seen(front.vault);
    ck_assert(!seen.is_entries);
    ck_assert_uint_eq(seen.level, 1);
    ck_assert_int_eq(seen.index, 1234067);
    ck_assert_uint_eq(seen.width, TILE_WIDTH);
}
END_TEST

START_TEST(partial_tile_is_to_be_asked_for_again)
{
    expect_tile("/v1/journal/tile/0/000.p/1", SHA256_SIZE, "no-cache");
    answer_clear(&answer);
    expect_tile("/v1/journal/tile/4/003.p/255", (size_t)255 * SHA256_SIZE, "no-cache");
    answer_clear(&answer);
    struct peer_seen seen = vault_peer_seen(front.vault);
    ck_assert_uint_eq(seen.level, 4);
    ck_assert_int_eq(seen.index, 3);
    ck_assert_uint_eq(seen.width, 255);
}
END_TEST

START_TEST(entries_come_each_with_its_length)
{
    expect_tile("/v1/journal/tile/entries/x001/000.p/2", 2 + PEER_ENTRY_BYTES + 2 + 301,
                "no-cache");
    ck_assert_int_eq(memcmp(answer.body, "\x01\x2c\x00", 3), 0);
    ck_assert_int_eq(memcmp(answer.body + 2 + PEER_ENTRY_BYTES, "\x01\x2d\x01", 3), 0);
    answer_clear(&answer);
    struct peer_seen seen = vault_peer_seen(front.vault);
    ck_assert(seen.is_entries);
    ck_assert_uint_eq(seen.level, 0);
    ck_assert_int_eq(seen.index, 1000);
    ck_assert_uint_eq(seen.width, 2);
}
END_TEST

START_TEST(tile_of_the_largest_entries_comes_whole)
{
    get("/v1/journal/tile/entries/007", "largest");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.length, (size_t)TILE_WIDTH * (2 + LEAF_MAX));
    ck_assert_str_eq(answer_header(&answer, "Cache-Control"), FOR_EVER);
    ck_assert_int_eq((unsigned char)answer.body[answer.length - 1], 255 % 251);
    answer_clear(&answer);
}
END_TEST

START_TEST(head_tells_a_tiles_size)
{
    expect_head("/v1/journal/tile/0/000", "application/octet-stream", 8192);
    expect_head("/v1/journal/tile/0/000.p/3", "application/octet-stream", 96);
}
END_TEST

START_TEST(path_that_names_no_tile_is_never_asked_for)
{
    static const char *const names[] = {"0",
                                        "0/",
                                        "/0/000",
                                        "0//000",
                                        "0/000/",
                                        "5/000",
                                        "00/000",
                                        "0/0",
                                        "0/1000",
                                        "0/x000/001",
                                        "0/001/002",
                                        "0/000.p/0",
                                        "0/000.p/256",
                                        "0/000.p/01",
                                        "0/000.p",
                                        "0/000.p/",
                                        "0/000.p/1/",
                                        "0%2F000",
                                        "entries",
                                        "entries/000.p/999",
                                        "entries/../0/000",
                                        "0/x999/x999/x999/x999/999",
                                        "data/000"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "/v1/journal/tile/%s", names[i]);
        get(path, "some");
        ck_assert_msg(answer.status == 404, "%s: %ld", path, answer.status);
        answer_expect_problem(&answer, 404, "route-unknown");
        answer_clear(&answer);
    }
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(tile_beyond_the_checkpoint_is_unknown)
{
    get("/v1/journal/tile/0/000", "fault-route-unknown");
    answer_expect_problem(&answer, 404, "route-unknown");
    ck_assert_str_eq(answer_header(&answer, "Cache-Control"), "no-store");
    answer_clear(&answer);
}
END_TEST

START_TEST(tile_of_another_size_is_refused)
{
    static const char *const words[] = {"short-tile", "long-tile",  "empty-tile", "fewer",
                                        "more",       "other-type", NULL};
    static const char *const entries[] = {"empty-entry", "long-entry", "lying-entry", NULL};
    expect_refused("/v1/journal/tile/0/000", words);
    expect_refused("/v1/journal/tile/0/000.p/2", words);
    expect_refused("/v1/journal/tile/entries/000", words);
    expect_refused("/v1/journal/tile/entries/000.p/2", words);
    expect_refused("/v1/journal/tile/entries/000.p/2", entries);
}
END_TEST

/* ---- the key ---- */

START_TEST(key_is_a_pem_that_openssl_reads)
{
    char path[TEMP_PATH_MAX];
    char command[512];
    char wanted[SHA256_HEX_SIZE];
    char got[SHA256_HEX_SIZE] = "";
    get("/v1/journal/key", "some");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/x-pem-file");
    temp_dir_path(&front.dir, "key.pem", path);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(answer.body, 1, answer.length, file), answer.length);
    ck_assert_int_eq(fclose(file), 0);
    answer_clear(&answer);
    (void)snprintf(command, sizeof command,
                   "openssl pkey -pubin -in %s -outform DER | openssl dgst -sha256 -r", path);
    FILE *pipe = popen(command, "re");
    ck_assert_ptr_nonnull(pipe);
    ck_assert_uint_eq(fread(got, 1, SHA256_HEX_SIZE - 1, pipe), SHA256_HEX_SIZE - 1);
    (void)pclose(pipe);
    struct sha256 digest = sha256_of(bytes_of(PEER_SPKI, PEER_SPKI_BYTES));
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), wanted);
    ck_assert_str_eq(got, wanted);
}
END_TEST

START_TEST(key_that_is_none_is_refused)
{
    static const char *const words[] = {"empty-key",    "long-key",   "other-tag",
                                        "other-length", "other-type", NULL};
    expect_refused("/v1/journal/key", words);
    expect_head("/v1/journal/key", "application/x-pem-file", 178);
}
END_TEST

Suite *journal_suite(void)
{
    Suite *suite = suite_create("api/journal");
    TCase *tcase = tcase_create("journal");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, checkpoint_is_the_note_byte_for_byte);
    tcase_add_test(tcase, checkpoint_that_does_not_exist_yet_is_to_be_asked_for_again);
    tcase_add_test(tcase, checkpoint_that_is_no_text_is_refused);
    tcase_add_test(tcase, full_tile_comes_whole_and_may_be_kept_for_ever);
    tcase_add_test(tcase, partial_tile_is_to_be_asked_for_again);
    tcase_add_test(tcase, entries_come_each_with_its_length);
    tcase_add_test(tcase, tile_of_the_largest_entries_comes_whole);
    tcase_add_test(tcase, head_tells_a_tiles_size);
    tcase_add_test(tcase, path_that_names_no_tile_is_never_asked_for);
    tcase_add_test(tcase, tile_beyond_the_checkpoint_is_unknown);
    tcase_add_test(tcase, tile_of_another_size_is_refused);
    tcase_add_test(tcase, key_is_a_pem_that_openssl_reads);
    tcase_add_test(tcase, key_that_is_none_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
