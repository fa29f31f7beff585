/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the token remembers of products' first authorities is written once. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "hsm_rig.h"
#include "note.h"
#include "token.h"

#define WRITERS 8

static struct hsm_rig rig;
static struct token token;
static const struct sha256 first = {{1, 2, 3}};
static const struct sha256 second = {{4, 5, 6}};

static void set_up(void)
{
    hsm_rig_make(&rig);
}

static void tear_down(void)
{
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
    hsm_rig_remove(&rig);
}

static void serve(void)
{
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
}

static void open_token(void)
{
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
}

static void write_well(const char *product, const struct sha256 *digest)
{
    struct fault fault = {0};
    ck_assert_msg(hsm_authority_write(rig.client, product, digest, &fault) == ERR_OK, "%s %lx",
                  fault.reason, fault.native);
}

/* NULL: none is kept. */
static void check_kept(const char *product, const struct sha256 *digest)
{
    struct sha256 kept;
    struct fault fault = {0};
    bool is_kept = digest == NULL;
    ck_assert_msg(hsm_authority_read(rig.client, product, &is_kept, &kept, &fault) == ERR_OK,
                  "%s %lx", fault.reason, fault.native);
    ck_assert_int_eq(is_kept, digest != NULL);
    if (digest != NULL)
        ck_assert_mem_eq(kept.bytes, digest->bytes, SHA256_SIZE);
}

START_TEST(an_authority_is_written_once)
{
    struct fault fault;
    serve();
    check_kept("bike", NULL);
    write_well("bike", &first);
    check_kept("bike", &first);
    write_well("bike", &first);
    ck_assert_int_eq(hsm_authority_write(rig.client, "bike", &second, &fault), ERR_CONFLICT);
    ck_assert_str_eq(fault.reason, "authority-kept");
    check_kept("bike", &first);
    open_token();
    ck_assert_uint_eq(token_count_data(&token, "provisiond-authority:bike"), 1);
    token_close(&token);
}
END_TEST

START_TEST(each_product_has_its_own)
{
    static const char longest[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    serve();
    write_well("bike", &first);
    check_kept("bik", NULL);
    check_kept("bike.2", NULL);
    check_kept("Bike", NULL);
    write_well("bike.2", &second);
    ck_assert_uint_eq(strlen(longest), HSM_PRODUCT_MAX);
    write_well(longest, &second);
    check_kept("bike", &first);
    check_kept("bike.2", &second);
    check_kept(longest, &second);
    check_kept(longest + 1, NULL);
}
END_TEST

START_TEST(an_authority_survives_a_new_master_and_cannot_be_changed)
{
    serve();
    write_well("bike", &first);
    hsm_rig_kill_master(&rig);
    serve();
    check_kept("bike", &first);
    open_token();
    CK_OBJECT_HANDLE object = token_find_data(&token, "provisiond-authority:bike");
    ck_assert(!token_read_flag(&token, object, CKA_MODIFIABLE));
    ck_assert(token_read_flag(&token, object, CKA_PRIVATE));
    CK_ATTRIBUTE value = {CKA_VALUE, (void *)(uintptr_t)second.bytes, SHA256_SIZE};
    ck_assert_uint_ne(token.call->C_SetAttributeValue(token.session, object, &value, 1), CKR_OK);
    token_close(&token);
}
END_TEST

static void plant(struct bytes value, bool is_private)
{
    open_token();
    token_make_data(&token, "provisiond-authority:bike", value, is_private);
    token_close(&token);
}

START_TEST(what_is_no_digest_or_ambiguous_fits_no_authorities)
{
    static const struct sha256 none = {{0}};
    static const uint8_t long_value[SHA256_SIZE + 1] = {1, 2, 3};
    const size_t lengths[] = {0, SHA256_SIZE - 1, SHA256_SIZE + 1};
    struct fault fault;
    if (_i < 3)
        plant(bytes_of(long_value, lengths[_i]), true);
    else
        plant(bytes_of(second.bytes, SHA256_SIZE), true);
    if (_i == 3)
        plant(bytes_of(first.bytes, SHA256_SIZE), true);
    serve();
    check_kept("bike", _i == 4 ? &second : &none);
    ck_assert_int_eq(hsm_authority_write(rig.client, "bike", &first, &fault), ERR_CONFLICT);
    ck_assert_str_eq(fault.reason, "authority-kept");
}
END_TEST

START_TEST(an_authority_planted_without_the_pin_does_not_count)
{
    plant(bytes_of(second.bytes, SHA256_SIZE), false);
    serve();
    check_kept("bike", NULL);
    write_well("bike", &first);
    check_kept("bike", &first);
}
END_TEST

START_TEST(a_product_without_a_name_is_refused)
{
    static const char *const names[] = {"", "a b", "a:b", "../a", "-a", "bike\n"};
    char long_name[HSM_PRODUCT_MAX + 2];
    struct sha256 digest;
    struct fault fault;
    bool is_kept = false;
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    serve();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ck_assert_int_eq(hsm_authority_write(rig.client, names[i], &first, &fault),
                         ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, "product");
        ck_assert_int_eq(hsm_authority_read(rig.client, names[i], &is_kept, &digest, &fault),
                         ERR_BAD_REQUEST);
    }
    ck_assert_int_eq(hsm_authority_write(rig.client, long_name, &first, &fault), ERR_BAD_REQUEST);
}
END_TEST

/* ---- several writers at once ---- */

struct writer {
    pthread_t thread;
    struct sha256 digest;
    enum error result;
};

static void *write_once(void *argument)
{
    struct writer *writer = argument;
    struct fault fault;
    writer->result = hsm_authority_write(rig.client, "bike", &writer->digest, &fault);
    return NULL;
}

START_TEST(of_many_writers_one_wins)
{
    struct writer writers[WRITERS];
    const struct writer *winner = NULL;
    rig.workers = 4;
    serve();
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.digest = {{(uint8_t)(i + 1)}}};
        ck_assert_int_eq(pthread_create(&writers[i].thread, NULL, write_once, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        (void)pthread_join(writers[i].thread, NULL);
        ck_assert(writers[i].result == ERR_OK || writers[i].result == ERR_CONFLICT);
        ck_assert(writers[i].result != ERR_OK || winner == NULL);
        winner = writers[i].result == ERR_OK ? &writers[i] : winner;
    }
    ck_assert_ptr_nonnull(winner);
    check_kept("bike", &winner->digest);
}
END_TEST

START_TEST(all_products_with_an_authority_are_listed)
{
    static const char *const names[] = {"bike", "car", "train"};
    struct hsm_authorities *listed = calloc(1, sizeof *listed);
    const struct sha256 digest = {{7}};
    const struct note note = note_make(1, 1);
    struct fault fault = {0};
    serve();
    ck_assert_ptr_nonnull(listed);
    ck_assert_int_eq(hsm_authority_list(rig.client, listed, &fault), ERR_OK);
    ck_assert_uint_eq(listed->count, 0);
    ck_assert_int_eq(note_put(rig.client, &note, false, &fault), ERR_OK);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(hsm_authority_write(rig.client, names[i], &digest, &fault), ERR_OK);
    ck_assert_int_eq(hsm_authority_list(rig.client, listed, &fault), ERR_OK);
    ck_assert_uint_eq(listed->count, 3);
    for (int i = 0; i < 3; i++) {
        bool is_found = false;
        for (size_t k = 0; k < 3; k++)
            is_found = is_found || strcmp(listed->products[k], names[i]) == 0;
        ck_assert_msg(is_found, "%s is not listed", names[i]);
    }
    free(listed);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("authority");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, all_products_with_an_authority_are_listed);
    tcase_add_test(tests, an_authority_is_written_once);
    tcase_add_test(tests, each_product_has_its_own);
    tcase_add_test(tests, an_authority_survives_a_new_master_and_cannot_be_changed);
    tcase_add_loop_test(tests, what_is_no_digest_or_ambiguous_fits_no_authorities, 0, 5);
    tcase_add_test(tests, an_authority_planted_without_the_pin_does_not_count);
    tcase_add_test(tests, a_product_without_a_name_is_refused);
    tcase_add_test(tests, of_many_writers_one_wins);
    return hsm_rig_run_tests(tests);
}
