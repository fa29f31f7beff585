/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Probes of a trial: how often a second, by one process and by two at once. The calls are those of
 * a worker; what is between a station and the worker comes on top.
 */
#include "hsm/trial_probe.h"

#include <string.h>

#include "core/clock.h"
#include "hsm/trial_image.h"

#define WINDOW_US   INT64_C(300000)
#define US_PER_S    INT64_C(1000000)
#define IMAGE_BYTES ((size_t)1024 * 1024)
#define TENTHS      10
#define SMALL_RATE  INT64_C(1000) /* a hundred a second */

static const uint8_t INFO[] = "provisiond-check";

/* What is done again and again; static, since a process measures one thing. */
static struct work {
    enum error (*prepare)(struct trial *trial, struct fault *fault);
    enum error (*once)(struct trial *trial, struct fault *fault);
    struct hsm_wrap wrap;
    struct p11_device device;
    struct trial_image image;
} work;

enum step { STEP_PREPARE, STEP_MEASURE };

/* ---- measuring ---- */

/* Calls in ten seconds, so that a slow device has a digit too. */
static enum error measure(struct trial *trial, int64_t *ret_rate, struct fault *fault)
{
    const int64_t start = clock_monotonic_us();
    int64_t count = 0;
    int64_t taken = 0;
    while (taken < WINDOW_US) {
        enum error e = work.once(trial, fault);
        if (e != ERR_OK)
            return e;
        count++;
        taken = clock_monotonic_us() - start;
    }
    *ret_rate = count * US_PER_S * TENTHS / taken;
    return ERR_OK;
}

static enum error step_speed(struct trial *trial, int step, int64_t *ret_number,
                             struct fault *fault)
{
    if (step == STEP_MEASURE)
        return measure(trial, ret_number, fault);
    enum error e = trial_open(trial, fault);
    return e == ERR_OK ? work.prepare(trial, fault) : e;
}

static enum error measure_both(struct trial *trial, const struct trial_helper *helper,
                               int64_t rates[2], struct fault *fault)
{
    int64_t own = 0;
    int64_t other = 0;
    enum error e = step_speed(trial, STEP_PREPARE, &own, fault);
    if (e == ERR_OK)
        e = measure(trial, &rates[0], fault);
    if (e == ERR_OK)
        e = trial_helper_do(helper, STEP_PREPARE, fault);
    if (e != ERR_OK)
        return e;
    trial_helper_ask(helper, STEP_MEASURE);
    e = measure(trial, &own, fault);
    if (e == ERR_OK)
        e = trial_helper_answer(helper, &other, fault);
    rates[1] = own + other;
    return e;
}

/* Behind the point. */
static int digits_of(int64_t rate)
{
    return rate < SMALL_RATE ? 1 : 0;
}

static void run(struct trial *trial, const char *unit)
{
    struct fault fault = {0};
    struct trial_helper helper;
    int64_t rates[2] = {0, 0};
    if (!trial_helper_start(trial, step_speed, &helper))
        return;
    if (measure_both(trial, &helper, rates, &fault) != ERR_OK) {
        trial_say_fault(trial, &fault);
    } else {
        trial_say_detail(trial, "one_process", "%.1f", (double)rates[0] / TENTHS);
        trial_say_detail(trial, "two_processes", "%.1f", (double)rates[1] / TENTHS);
        trial_say(trial, TRIAL_WORKS, "", "", "%.*f %s; two processes %.*f", digits_of(rates[0]),
                  (double)rates[0] / TENTHS, unit, digits_of(rates[1]), (double)rates[1] / TENTHS);
    }
    trial_helper_end(&helper);
    trial_close(trial);
}

/* ---- what is measured ---- */

static enum error prepare_keys(struct trial *trial, struct fault *fault)
{
    enum error e = trial_make_firmware_key(trial, &work.wrap.firmware_key, fault);
    return e == ERR_OK
               ? p11_generate_session_key(&trial->p11, &work.wrap.firmware_key, HSM_SESSION_KEY_MAX,
                                          &work.wrap.session_key, fault)
               : e;
}

static enum error make_session_key(struct trial *trial, struct fault *fault)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum error e = p11_make_session_key(&trial->p11, HSM_SESSION_KEY_MAX, &key, fault);
    p11_destroy(&trial->p11, &key);
    return e;
}

static enum error unwrap(struct trial *trial, struct fault *fault)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum error e = p11_unwrap_for_encryption(
        &trial->p11, &work.wrap.firmware_key,
        bytes_of(work.wrap.session_key.bytes, work.wrap.session_key.length), &key, fault);
    p11_destroy(&trial->p11, &key);
    return e;
}

static enum error prepare_license(struct trial *trial, struct fault *fault)
{
    work.wrap = (struct hsm_wrap){.key_wrap = HSM_AES_KEY_WRAP,
                                  .curve = HSM_P256,
                                  .kdf = HSM_X963_SHA256,
                                  .shared_info = bytes_of(INFO, sizeof INFO),
                                  .kek_bytes = HSM_SESSION_KEY_MAX};
    enum error e = p11_device_new(HSM_P256, &work.device, fault);
    work.wrap.peer_point = bytes_of(work.device.point, work.device.point_length);
    return e == ERR_OK ? prepare_keys(trial, fault) : e;
}

static enum error make_license(struct trial *trial, struct fault *fault)
{
    struct hsm_wrapped wrapped;
    return p11_wrap(&trial->p11, &work.wrap, &wrapped, fault);
}

static enum error prepare_signature(struct trial *trial, struct fault *fault)
{
    const struct p11_new_key asked = trial_new_key(trial, true);
    struct p11_key_pair pair;
    struct hsm_spki spki;
    enum error e =
        p11_make_trial_pair(&trial->p11, P11_CHECKPOINT_USE, &asked, &pair, &spki, fault);
    if (e == ERR_OK)
        p11_use_checkpoint_key(&trial->p11, pair.private_key, &spki);
    return e;
}

static enum error make_signature(struct trial *trial, struct fault *fault)
{
    struct hsm_signature signature;
    return p11_sign_checkpoint(&trial->p11, bytes_of(INFO, sizeof INFO), NULL, &signature, fault);
}

static enum error prepare_image(struct trial *trial, struct fault *fault)
{
    return trial_image_new(trial, &TRIAL_GCM, IMAGE_BYTES, &work.image, fault);
}

static enum error encrypt_image(struct trial *trial, struct fault *fault)
{
    struct hsm_content content;
    return trial_image_encrypt(trial, &work.image, &TRIAL_GCM, &content, fault);
}

static enum error prepare_nothing(struct trial *trial, struct fault *fault)
{
    (void)trial;
    (void)fault;
    return ERR_OK;
}

/* ---- the probes ---- */

void trial_speed_session_keys(struct trial *trial)
{
    work = (struct work){.prepare = prepare_nothing, .once = make_session_key};
    run(trial, "a second");
}

void trial_speed_unwraps(struct trial *trial)
{
    work = (struct work){.prepare = prepare_keys, .once = unwrap};
    run(trial, "a second");
}

void trial_speed_licenses(struct trial *trial)
{
    work = (struct work){.prepare = prepare_license, .once = make_license};
    run(trial, "a second");
}

void trial_speed_signatures(struct trial *trial)
{
    work = (struct work){.prepare = prepare_signature, .once = make_signature};
    run(trial, "a second");
}

void trial_speed_images(struct trial *trial)
{
    work = (struct work){.prepare = prepare_image, .once = encrypt_image};
    run(trial, "MiB/s");
}
