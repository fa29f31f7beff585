/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The last anchor, which no other one follows, and the destruction of what makes licenses: in that
 * order, whole after every cut, and of nobody else's keys.
 */
#include <check.h>
#include <signal.h>
#include <string.h>

#include "hsm_rig.h"
#include "note.h"
#include "token.h"

#define SIZE 10

static struct hsm_rig rig;
static struct hsm_spki checkpoint;
static const struct hsm_key_id FIRMWARE = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

static void set_up(void)
{
    struct hsm_spki transport;
    struct fault fault = {0};
    hsm_rig_make(&rig);
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    ck_assert_int_eq(hsm_init(rig.client, &checkpoint, &transport, &fault), ERR_OK);
    ck_assert_int_eq(
        hsm_generate_firmware_key(rig.client, &FIRMWARE, "provisiond-fk:widget", &fault), ERR_OK);
}

static void tear_down(void)
{
    hsm_rig_remove(&rig);
}

static struct hsm_anchor kept(void)
{
    struct hsm_anchor anchor = {.length = 0};
    struct fault fault = {0};
    ck_assert_msg(hsm_anchor_read(rig.client, &anchor, &fault) == ERR_OK, "%s", fault.reason);
    return anchor;
}

static enum error put(const struct note *note, bool is_last, bool replaces_larger,
                      struct fault *fault)
{
    const struct hsm_anchor anchor = kept();
    const struct sha256 seen = sha256_of(bytes_of(anchor.note, anchor.length));
    return is_last ? hsm_anchor_end(rig.client, note_bytes(note), &seen, fault)
                   : hsm_anchor_write(rig.client, note_bytes(note), &seen, replaces_larger, fault);
}

static void end(void)
{
    const struct note note = note_make(SIZE, 1);
    struct fault fault = {0};
    ck_assert_msg(put(&note, true, false, &fault) == ERR_OK, "%s %lx", fault.reason, fault.native);
}

START_TEST(after_the_last_anchor_there_is_that_head_alone)
{
    const struct note others[] = {note_make(SIZE - 1, 1), note_make(SIZE, 2),
                                  note_make(SIZE + 1, 1)};
    const struct note same = note_make(SIZE, 1);
    struct fault fault = {0};
    ck_assert(!kept().is_retired);
    end();
    ck_assert(kept().is_retired);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        for (int how = 0; how < 3; how++) {
            ck_assert_int_eq(put(&others[i], how == 2, how == 1, &fault), ERR_HSM_RETIRED);
            ck_assert_str_eq(fault.reason, "retired");
        }
    }
    ck_assert_int_eq(put(&same, false, false, &fault), ERR_OK);
    end();
    hsm_rig_kill_master(&rig);
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    ck_assert(kept().is_retired);
    ck_assert_int_eq(put(&others[2], false, true, &fault), ERR_HSM_RETIRED);
}
END_TEST

static size_t count_keys(CK_OBJECT_CLASS class, const void *id)
{
    struct token token;
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
    size_t count = token_count(&token, class, id);
    token_close(&token);
    return count;
}

START_TEST(keys_of_an_hsm_that_works_are_not_destroyed)
{
    struct fault fault = {0};
    unsigned destroyed = 7;
    ck_assert_int_eq(hsm_destroy_keys(rig.client, &destroyed, &fault), ERR_FORBIDDEN);
    ck_assert_str_eq(fault.reason, "hsm-not-retired");
    ck_assert_uint_eq(destroyed, 7);
    ck_assert_uint_eq(count_keys(CKO_SECRET_KEY, FIRMWARE.bytes), 1);
    ck_assert_uint_eq(count_keys(CKO_PRIVATE_KEY, "provisiond-trnsp"), 1);
}
END_TEST

START_TEST(what_makes_licenses_goes_and_what_proves_them_stays)
{
    static const struct hsm_key_id OTHERS = {{9}};
    struct hsm_wrapped_key key;
    struct hsm_status status;
    struct hsm_signature signature;
    struct token token;
    struct fault fault = {0};
    unsigned destroyed = 0;
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
    token_import_key(&token, &OTHERS, "somebody-elses");
    token_close(&token);
    end();
    ck_assert_msg(hsm_destroy_keys(rig.client, &destroyed, &fault) == ERR_OK, "%s", fault.reason);
    ck_assert_uint_eq(destroyed, 3); /* the firmware key, both parts of the transport key */
    ck_assert_uint_eq(count_keys(CKO_SECRET_KEY, FIRMWARE.bytes), 0);
    ck_assert_uint_eq(count_keys(CKO_PRIVATE_KEY, "provisiond-trnsp"), 0);
    ck_assert_uint_eq(count_keys(CKO_PUBLIC_KEY, "provisiond-trnsp"), 0);
    ck_assert_uint_eq(count_keys(CKO_SECRET_KEY, OTHERS.bytes), 1);
    ck_assert_uint_eq(count_keys(CKO_PRIVATE_KEY, "provisiond-chkpt"), 1);
    ck_assert_int_eq(hsm_generate_session_key(rig.client, &FIRMWARE, 32, &key, &fault),
                     ERR_HSM_KEY_MISSING);
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(status.transport.length, 0);
    ck_assert_uint_gt(status.checkpoint.length, 0);
    const struct note body = note_body(SIZE, 1);
    ck_assert_int_eq(hsm_sign_checkpoint(rig.client, note_bytes(&body), NULL, &signature, &fault),
                     ERR_OK);
    ck_assert(kept().is_retired);
    ck_assert_int_eq(hsm_destroy_keys(rig.client, &destroyed, &fault), ERR_OK);
    ck_assert_uint_eq(destroyed, 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("end");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, after_the_last_anchor_there_is_that_head_alone);
    tcase_add_test(tests, keys_of_an_hsm_that_works_are_not_destroyed);
    tcase_add_test(tests, what_makes_licenses_goes_and_what_proves_them_stays);
    return hsm_rig_run_tests(tests);
}
