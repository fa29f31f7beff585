/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Probes of a trial: what several processes, logins and sessions at the same time meet, and the
 * data objects that two of them share. Whoever writes the token holds its lock, as a worker does.
 */
#include "hsm/trial_probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hsm/ckr.h"
#include "hsm/token_lock.h"

#define PROCESSES_MAX 8
#define SESSIONS_MAX  64
#define TWO_LOGINS    2 /* a worker and its successor */
#define NOTE_MAX      512

enum step { STEP_OPEN, STEP_FIND, STEP_ANCHOR_NEXT, STEP_ANCHOR_STALE };

/* ---- keys that another process made ---- */

static struct hsm_key_id shared_id; /* drawn before the helper starts, so that both know it */

static enum error find_key(struct trial *trial, int64_t *ret_number, struct fault *fault)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    p11_forget(&trial->p11);
    enum error e = p11_get_firmware_key(&trial->p11, &shared_id, &key, fault);
    *ret_number = e == ERR_OK || e == ERR_HSM_KEY_WEAK;
    return e == ERR_HSM_KEY_MISSING || e == ERR_HSM_KEY_WEAK ? ERR_OK : e;
}

static enum error step_seen(struct trial *trial, int step, int64_t *ret_number, struct fault *fault)
{
    if (step == STEP_OPEN)
        return trial_open(trial, fault);
    return find_key(trial, ret_number, fault);
}

static enum error ask_whether_seen(const struct trial_helper *helper, bool *ret_is_seen,
                                   struct fault *fault)
{
    int64_t number = 0;
    trial_helper_ask(helper, STEP_FIND);
    enum error e = trial_helper_answer(helper, &number, fault);
    *ret_is_seen = number != 0;
    return e;
}

static enum error make_shared(struct trial *trial, CK_OBJECT_HANDLE *ret_key, struct fault *fault)
{
    const struct p11_new_key asked = {.id = shared_id, .label = trial->label};
    unsigned template = 0;
    enum error e = token_lock_take(trial->token_lock, fault);
    if (e != ERR_OK)
        return e;
    e = p11_make_firmware_key(&trial->p11, &asked, ret_key, &template, fault);
    token_lock_leave(trial->token_lock);
    return e;
}

/* The helper is there before the key is, and was never told of it by anything but the token. */
static enum error try_seen(struct trial *trial, const struct trial_helper *helper,
                           bool *ret_is_seen, bool *ret_is_gone, struct fault *fault)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    bool is_seen = false;
    bool is_still_seen = false;
    enum error e = trial_helper_do(helper, STEP_OPEN, fault);
    if (e == ERR_OK)
        e = trial_open(trial, fault);
    if (e == ERR_OK)
        e = make_shared(trial, &key, fault);
    if (e == ERR_OK)
        e = ask_whether_seen(helper, &is_seen, fault);
    p11_destroy(&trial->p11, &key);
    if (e == ERR_OK)
        e = ask_whether_seen(helper, &is_still_seen, fault);
    *ret_is_seen = is_seen;
    *ret_is_gone = !is_still_seen;
    return e;
}

void trial_seen(struct trial *trial)
{
    struct fault fault = {0};
    struct trial_helper helper;
    bool is_seen = false;
    bool is_gone = false;
    random_fill(shared_id.bytes, sizeof shared_id.bytes);
    if (!trial_helper_start(trial, step_seen, &helper))
        return;
    if (try_seen(trial, &helper, &is_seen, &is_gone, &fault) != ERR_OK)
        trial_say_fault(trial, &fault);
    else if (!is_seen)
        trial_say(
            trial, TRIAL_NO, "not-seen",
            "provisiond works in several processes; a key that one makes would be missing for "
            "the others. Some modules have a setting for it (nShield: "
            "CKNFAST_ASSUME_SINGLE_PROCESS=0).",
            "a key that another process made is not found");
    else if (!is_gone)
        trial_say(trial, TRIAL_LIMITED, "still-seen",
                  "A key that was destroyed would be offered until the workers are exchanged.",
                  "new keys at once; destroyed ones linger");
    else
        trial_say(trial, TRIAL_WORKS, "", "", "new and destroyed keys, at once");
    trial_helper_end(&helper);
    trial_close(trial);
}

/* ---- logins and sessions ---- */

void trial_processes(struct trial *trial)
{
    struct fault fault = {0};
    struct trial_helper helpers[PROCESSES_MAX];
    const unsigned wanted = TWO_LOGINS * trial->config->workers;
    unsigned started = 0;
    unsigned logged_in = 0;
    enum error e = ERR_OK;
    while (started < PROCESSES_MAX && trial_helper_start(trial, step_seen, &helpers[started]))
        started++;
    while (logged_in < started && e == ERR_OK) {
        e = trial_helper_do(&helpers[logged_in], STEP_OPEN, &fault);
        logged_in += e == ERR_OK;
    }
    trial_say_detail(trial, "logins", "%u", logged_in);
    if (logged_in < TWO_LOGINS && e != ERR_OK)
        trial_say_fault(trial, &fault);
    else if (logged_in < wanted && logged_in < PROCESSES_MAX)
        trial_say(trial, TRIAL_LIMITED, "few-logins",
                  "Set workers in [hsm] to at most half of that: a worker's successor logs in "
                  "before it ends.",
                  "%u processes logged in at once; %u workers want %u", logged_in,
                  trial->config->workers, wanted);
    else
        trial_say(trial, TRIAL_WORKS, "", "", "%u processes%s: good for %u workers", logged_in,
                  logged_in == PROCESSES_MAX ? " and more" : "", logged_in / TWO_LOGINS);
    for (unsigned i = 0; i < started; i++)
        trial_helper_end(&helpers[i]);
}

void trial_sessions(struct trial *trial)
{
    CK_SESSION_HANDLE sessions[SESSIONS_MAX];
    CK_RV rv = CKR_OK;
    unsigned count = 0;
    if (!trial_begin(trial))
        return;
    struct p11 *p11 = &trial->p11;
    for (; count < SESSIONS_MAX && rv == CKR_OK; count += rv == CKR_OK)
        rv = p11->call->C_OpenSession(p11->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                      &sessions[count]);
    for (unsigned i = 0; i < count; i++)
        (void)p11->call->C_CloseSession(sessions[i]);
    trial_say_detail(trial, "sessions", "%u", count + 1);
    if (count == 0)
        trial_say(trial, TRIAL_NO, "one-session", ckr_words(rv), "the second one: %s",
                  ckr_name(rv));
    else
        trial_say(trial, TRIAL_WORKS, "", "", "%u in one process%s", count + 1,
                  count == SESSIONS_MAX ? ", and more" : "");
    trial_close(trial);
}

/* ---- data objects ---- */

void trial_data(struct trial *trial)
{
    struct fault fault = {0};
    if (!trial_begin(trial))
        return;
    if (p11_probe_data(&trial->p11, &fault) != ERR_OK)
        trial_say_fault(trial, &fault);
    else if (!trial->p11.keeps_data)
        trial_say(trial, TRIAL_NO, "no-data-objects",
                  "Without data objects the token cannot remember the journal's head (no anchor), "
                  "so it serves local products only.",
                  "CKO_DATA: none kept in the token");
    else
        trial_say(trial, TRIAL_WORKS, "", "", "%s",
                  trial->p11.is_data_private != CK_FALSE ? "private ones" : "public ones alone");
    trial_close(trial);
}

/* A checkpoint of no journal with so many leaves. */
static struct bytes make_note(int64_t size, char out[NOTE_MAX])
{
    int length =
        snprintf(out, NOTE_MAX,
                 "provisiond-check\n%" PRId64 "\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                 "\n\xe2\x80\x94 provisiond-check MDEyMzQ1Njc4OWFiY2RlZg==\n",
                 size);
    return bytes_of(out, (size_t)length);
}

/* replaced: the size of the anchor that it stands in for; 0 for none. */
static enum error write_anchor(struct trial *trial, int64_t size, int64_t replaced,
                               struct fault *fault)
{
    char note[NOTE_MAX];
    char old[NOTE_MAX];
    const struct sha256 replaces =
        sha256_of(replaced > 0 ? make_note(replaced, old) : bytes_of(NULL, 0));
    enum error e = token_lock_take(trial->token_lock, fault);
    if (e != ERR_OK)
        return e;
    e = p11_write_anchor(&trial->p11, make_note(size, note), &replaces, false, fault);
    token_lock_leave(trial->token_lock);
    return e;
}

static enum error open_with_data(struct trial *trial, struct fault *fault)
{
    enum error e = trial_open(trial, fault);
    return e == ERR_OK ? p11_probe_data(&trial->p11, fault) : e;
}

static enum error step_anchor(struct trial *trial, int step, int64_t *ret_number,
                              struct fault *fault)
{
    (void)ret_number;
    if (step == STEP_OPEN)
        return open_with_data(trial, fault);
    return step == STEP_ANCHOR_NEXT ? write_anchor(trial, 2, 1, fault)
                                    : write_anchor(trial, 4, 1, fault);
}

/* We write 1, the helper 2 over it, we 3 over that; then the helper must not go over what it has
 * not read: 4 over 1. */
static enum error try_anchor(struct trial *trial, const struct trial_helper *helper,
                             bool *ret_is_held, struct fault *fault)
{
    struct fault refusal = {0};
    enum error e = open_with_data(trial, fault);
    if (e == ERR_OK)
        e = trial_helper_do(helper, STEP_OPEN, fault);
    if (e == ERR_OK)
        e = write_anchor(trial, 1, 0, fault);
    if (e == ERR_OK)
        e = trial_helper_do(helper, STEP_ANCHOR_NEXT, fault);
    if (e == ERR_OK)
        e = write_anchor(trial, 3, 2, fault);
    if (e == ERR_OK)
        *ret_is_held = trial_helper_do(helper, STEP_ANCHOR_STALE, &refusal) == ERR_CONFLICT;
    return e;
}

static void destroy_anchors(struct trial *trial)
{
    CK_OBJECT_HANDLE handles[NOTE_MAX / 8];
    struct p11_found found = {.handles = handles, .max = sizeof handles / sizeof handles[0]};
    struct fault fault = {0};
    if (trial->p11.session == CK_INVALID_HANDLE ||
        p11_find_data(&trial->p11, trial->label, &found, &fault) != ERR_OK)
        return;
    for (size_t i = 0; i < found.count; i++)
        p11_destroy(&trial->p11, &handles[i]);
}

void trial_anchor(struct trial *trial)
{
    struct fault fault = {0};
    struct trial_helper helper;
    bool is_held = false;
    if (!trial_helper_start(trial, step_anchor, &helper))
        return;
    enum error e = try_anchor(trial, &helper, &is_held, &fault);
    destroy_anchors(trial);
    if (e != ERR_OK)
        trial_say_fault(trial, &fault);
    else if (!is_held)
        trial_say(trial, TRIAL_NO, "anchor-overwritten",
                  "What one process writes is not seen by the other in time, so two ledgers could "
                  "use this token without noticing.",
                  "a process wrote over what it had not seen");
    else
        trial_say(trial, TRIAL_WORKS, "", "", "compared and exchanged, by two processes");
    trial_helper_end(&helper);
    trial_close(trial);
}
