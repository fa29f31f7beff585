/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The anchor in the token: what is kept, what is refused, what counts when two are there. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "hsm_rig.h"
#include "note.h"
#include "token.h"

#define ANCHOR_LABEL "provisiond-anchor"

static struct hsm_rig rig;
static struct token token;

static void set_up(void)
{
    hsm_rig_make(&rig);
}

/* Whatever was asked for, no worker was lost; but one that cannot write is replaced. */
static void tear_down(void)
{
    bool is_writable = rig.module == NULL || strcmp(rig.module, MODULE_WRITES_NOTHING) != 0;
    if (is_writable)
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

static enum error put(const struct note *note, bool replaces_larger, struct fault *fault)
{
    return note_put(rig.client, note, replaces_larger, fault);
}

static void put_well(const struct note *note, bool replaces_larger)
{
    struct fault fault = {0};
    ck_assert_msg(put(note, replaces_larger, &fault) == ERR_OK, "%s %lx", fault.reason,
                  fault.native);
}

static void check_kept(const struct note *note)
{
    struct hsm_anchor anchor;
    struct fault fault = {0};
    ck_assert_msg(hsm_anchor_read(rig.client, &anchor, &fault) == ERR_OK, "%s %lx", fault.reason,
                  fault.native);
    ck_assert_uint_eq(anchor.length, note->length);
    ck_assert_mem_eq(anchor.note, note->text, note->length);
    ck_assert_int_eq(anchor.note[anchor.length], '\0');
}

static size_t count_anchors(void)
{
    open_token();
    size_t count = token_count_data(&token, ANCHOR_LABEL);
    token_close(&token);
    return count;
}

/* Puts an object into the token behind the service's back. */
static void plant(struct bytes value, bool is_private)
{
    open_token();
    token_make_data(&token, ANCHOR_LABEL, value, is_private);
    token_close(&token);
}

static void plant_note(const struct note *note)
{
    plant(note_bytes(note), true);
}

START_TEST(a_fresh_token_keeps_data_and_has_no_anchor)
{
    struct hsm_status status;
    struct fault fault;
    serve();
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert(status.keeps_data);
    check_kept(&(const struct note){.length = 0});
    open_token();
    ck_assert_uint_eq(token_count_data(&token, "provisiond-probe"), 0);
    token_close(&token);
}
END_TEST

START_TEST(an_anchor_is_read_as_it_was_written)
{
    const struct note notes[] = {note_make(0, 1), note_make(7, 2), note_of_length(8, 4095),
                                 note_make(9999999999999, 3)};
    serve();
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        put_well(&notes[i], false);
        check_kept(&notes[i]);
        ck_assert_uint_eq(count_anchors(), 1);
    }
}
END_TEST

START_TEST(an_anchor_survives_a_new_master)
{
    struct note note = note_make(7, 2);
    serve();
    put_well(&note, false);
    hsm_rig_kill_master(&rig);
    serve();
    check_kept(&note);
}
END_TEST

START_TEST(nobody_writes_over_an_anchor_that_he_has_not_seen)
{
    const struct note notes[] = {note_make(1, 1), note_make(2, 2), note_make(3, 3)};
    const struct sha256 nothing = sha256_of(bytes_of(NULL, 0));
    const struct sha256 first = sha256_of(note_bytes(&notes[0]));
    struct fault fault = {0};
    serve();
    ck_assert_int_eq(hsm_anchor_write(rig.client, note_bytes(&notes[0]), &first, true, &fault),
                     ERR_CONFLICT);
    ck_assert_str_eq(fault.reason, "anchor-taken");
    ck_assert_int_eq(hsm_anchor_write(rig.client, note_bytes(&notes[0]), &nothing, false, &fault),
                     ERR_OK);
    ck_assert_int_eq(hsm_anchor_write(rig.client, note_bytes(&notes[1]), &first, false, &fault),
                     ERR_OK);
    /* The answer was lost: the same again is no harm. */
    ck_assert_int_eq(hsm_anchor_write(rig.client, note_bytes(&notes[1]), &first, false, &fault),
                     ERR_OK);
    ck_assert_int_eq(hsm_anchor_write(rig.client, note_bytes(&notes[2]), &first, true, &fault),
                     ERR_CONFLICT);
    ck_assert_str_eq(fault.reason, "anchor-taken");
    check_kept(&notes[1]);
}
END_TEST

/* Else a read-only disk would turn every governed product into one without an anchor. */
START_TEST(a_token_that_cannot_be_written_for_a_while_still_has_its_anchor)
{
    const struct note notes[] = {note_make(7, 2), note_make(8, 2)};
    struct hsm_status status;
    struct fault fault = {0};
    serve();
    put_well(&notes[0], false);
    hsm_rig_kill_master(&rig);
    rig.module = MODULE_WRITES_NOTHING;
    serve();
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert(status.keeps_data);
    check_kept(&notes[0]);
    ck_assert_int_eq(put(&notes[1], false, &fault), ERR_HSM_UNAVAILABLE);
    check_kept(&notes[0]);
}
END_TEST

static void check_refused(const struct note *note, const char *reason)
{
    struct fault fault;
    ck_assert_int_eq(put(note, false, &fault), ERR_CONFLICT);
    ck_assert_str_eq(fault.reason, reason);
}

START_TEST(only_an_override_goes_back_or_aside)
{
    struct note kept = note_make(100, 1);
    struct note smaller = note_make(99, 1);
    struct note other = note_make(100, 2);
    serve();
    put_well(&kept, false);
    check_refused(&smaller, "anchor-larger");
    check_refused(&other, "anchor-other");
    check_kept(&kept);
    put_well(&other, true);
    check_kept(&other);
    put_well(&smaller, true);
    check_kept(&smaller);
    ck_assert_uint_eq(count_anchors(), 1);
}
END_TEST

START_TEST(the_same_head_can_be_written_again)
{
    struct note note = note_make(100, 1);
    struct note again = note_make(100, 1);
    again.text[again.length - 10] ^= 1; /* an ECDSA signature differs each time */
    serve();
    put_well(&note, false);
    put_well(&again, false);
    put_well(&again, false);
    check_kept(&again);
    ck_assert_uint_eq(count_anchors(), 1);
}
END_TEST

START_TEST(of_two_the_larger_counts_and_the_next_write_clears_up)
{
    struct note notes[] = {note_make(9, 1), note_make(10, 2)}; /* in text the other way round */
    struct note next = note_make(11, 3);
    plant_note(&notes[_i]);
    plant_note(&notes[1 - _i]);
    serve();
    check_kept(&notes[1]);
    check_refused(&notes[0], "anchor-larger");
    put_well(&next, false);
    check_kept(&next);
    ck_assert_uint_eq(count_anchors(), 1);
}
END_TEST

START_TEST(many_leftovers_are_cleared_up_too)
{
    struct note next = note_make(50, 3);
    for (int i = 0; i < 5; i++) {
        struct note note = note_make(10 + i, 1);
        plant_note(&note);
    }
    serve();
    put_well(&next, false);
    check_kept(&next);
    ck_assert_uint_eq(count_anchors(), 1);
}
END_TEST

START_TEST(an_anchor_is_a_private_object_of_ours)
{
    char value[32] = "";
    struct note note = note_make(7, 2);
    CK_ATTRIBUTE application = {CKA_APPLICATION, value, sizeof value};
    serve();
    put_well(&note, false);
    open_token();
    CK_OBJECT_HANDLE object = token_find_data(&token, ANCHOR_LABEL);
    ck_assert(token_read_flag(&token, object, CKA_PRIVATE));
    ck_assert(token_read_flag(&token, object, CKA_TOKEN));
    ck_assert_uint_eq(token.call->C_GetAttributeValue(token.session, object, &application, 1),
                      CKR_OK);
    ck_assert_uint_eq(application.ulValueLen, strlen("provisiond"));
    ck_assert_mem_eq(value, "provisiond", strlen("provisiond"));
    token_close(&token);
}
END_TEST

/* Anybody who reaches the token makes public objects; only the PIN makes private ones. */
START_TEST(an_anchor_planted_without_the_pin_does_not_count)
{
    struct note planted = note_make(1000, 9);
    struct note note = note_make(7, 2);
    plant(note_bytes(&planted), false);
    serve();
    check_kept(&(const struct note){.length = 0});
    put_well(&note, false);
    check_kept(&note);
}
END_TEST

START_TEST(what_is_no_note_is_shown_and_replaced_by_an_override_alone)
{
    struct note foreign = {.text = "no note", .length = 7};
    struct note note = note_make(7, 2);
    plant_note(&foreign);
    serve();
    check_kept(&foreign);
    check_refused(&note, "anchor-other");
    put_well(&note, true);
    check_kept(&note);
    ck_assert_uint_eq(count_anchors(), 1);
}
END_TEST

START_TEST(what_is_too_long_for_a_note_is_replaced_by_an_override_alone)
{
    static const uint8_t long_value[HSM_ANCHOR_MAX + 1];
    struct hsm_anchor anchor;
    struct note note = note_make(7, 2);
    struct fault fault;
    plant(bytes_of(long_value, sizeof long_value), true);
    serve();
    ck_assert_int_eq(hsm_anchor_read(rig.client, &anchor, &fault), ERR_CONFLICT);
    ck_assert_str_eq(fault.reason, "anchor-foreign");
    check_refused(&note, "anchor-other");
    put_well(&note, true);
    check_kept(&note);
}
END_TEST

START_TEST(a_note_beats_what_is_none)
{
    struct note foreign = {.text = "no note", .length = 7};
    struct note note = note_make(7, 2);
    struct note next = note_make(8, 2);
    if (_i == 0)
        plant_note(&foreign);
    plant_note(&note);
    if (_i == 1)
        plant_note(&foreign);
    serve();
    check_kept(&note);
    put_well(&next, false);
    check_kept(&next);
    ck_assert_uint_eq(count_anchors(), 1);
}
END_TEST

START_TEST(a_worker_that_waits_for_the_disk_is_not_taken_for_hung)
{
    struct note note = note_make(7, 2);
    rig.module = MODULE_WRITES_SLOWLY;
    rig.workers = 1;
    rig.call_timeout_ms = 200;
    serve();
    put_well(&note, false);
    check_kept(&note);
}
END_TEST

/* ---- several writers at once ---- */

#define WRITERS   4
#define EACH      50
#define SPREAD(i) (1 + (i) * (i) % 97)

struct writer {
    pthread_t thread;
    int64_t first;
    int64_t acknowledged; /* the largest */
};

static atomic_uint surprises;

static void *write_many(void *argument)
{
    struct writer *writer = argument;
    struct fault fault;
    for (int64_t i = 0; i < EACH; i++) {
        int64_t size = writer->first + SPREAD(i) + i * WRITERS;
        struct note note = note_make(size, 1);
        enum error e = put(&note, false, &fault);
        if (e == ERR_OK && size > writer->acknowledged)
            writer->acknowledged = size;
        if (e != ERR_OK && strcmp(fault.reason, "anchor-larger") != 0)
            atomic_fetch_add(&surprises, 1);
    }
    return NULL;
}

START_TEST(writers_at_once_leave_the_largest)
{
    struct writer writers[WRITERS];
    int64_t largest = 0;
    serve();
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.first = i};
        ck_assert_int_eq(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        (void)pthread_join(writers[i].thread, NULL);
        largest = writers[i].acknowledged > largest ? writers[i].acknowledged : largest;
    }
    ck_assert_uint_eq(atomic_load(&surprises), 0);
    struct note note = note_make(largest, 1);
    check_kept(&note);
    ck_assert_uint_eq(count_anchors(), 1);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("anchor");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_fresh_token_keeps_data_and_has_no_anchor);
    tcase_add_test(tests, an_anchor_is_read_as_it_was_written);
    tcase_add_test(tests, an_anchor_survives_a_new_master);
    tcase_add_test(tests, a_token_that_cannot_be_written_for_a_while_still_has_its_anchor);
    tcase_add_test(tests, nobody_writes_over_an_anchor_that_he_has_not_seen);
    tcase_add_test(tests, only_an_override_goes_back_or_aside);
    tcase_add_test(tests, the_same_head_can_be_written_again);
    tcase_add_loop_test(tests, of_two_the_larger_counts_and_the_next_write_clears_up, 0, 2);
    tcase_add_test(tests, many_leftovers_are_cleared_up_too);
    tcase_add_test(tests, an_anchor_is_a_private_object_of_ours);
    tcase_add_test(tests, an_anchor_planted_without_the_pin_does_not_count);
    tcase_add_test(tests, what_is_no_note_is_shown_and_replaced_by_an_override_alone);
    tcase_add_test(tests, what_is_too_long_for_a_note_is_replaced_by_an_override_alone);
    tcase_add_loop_test(tests, a_note_beats_what_is_none, 0, 2);
    tcase_add_test(tests, a_worker_that_waits_for_the_disk_is_not_taken_for_hung);
    tcase_add_test(tests, writers_at_once_leave_the_largest);
    return hsm_rig_run_tests(tests);
}
