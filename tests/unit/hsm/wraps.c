/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

#include "wraps.h"

#include <stdio.h>
#include <string.h>

#define KEY_BYTES 32

static struct hsm_rig *rig;
static struct device_key device;
static struct rig_keys keys;
static uint8_t session_key[HSM_SESSION_KEY_MAX]; /* what every wrap must open to */

void wraps_make(struct hsm_rig *its_rig)
{
    rig = its_rig;
    device_key_make(&device);
}

void wraps_free(void)
{
    device_key_free(&device);
}

struct device_key *wraps_device(void)
{
    return &device;
}

const struct rig_keys *wraps_keys(void)
{
    return &keys;
}

static enum error wrap(struct hsm_wrapped *ret_wrapped, struct fault *fault)
{
    struct hsm_wrap asked = device_wrap(&device, &keys, bytes_of("i", 1), KEY_BYTES);
    return hsm_wrap_key(rig->client, &asked, ret_wrapped, fault);
}

static bool opens(const struct hsm_wrapped *wrapped)
{
    uint8_t opened[HSM_SESSION_KEY_MAX];
    return device_key_open(&device, wrapped, bytes_of("i", 1), KEY_BYTES, opened) == KEY_BYTES &&
           memcmp(opened, session_key, KEY_BYTES) == 0;
}

void wraps_make_keys(void)
{
    hsm_rig_make_keys(rig, KEY_BYTES, &keys);
}

void wraps_serve(void)
{
    struct hsm_wrapped wrapped;
    struct fault fault;
    hsm_rig_start(rig);
    hsm_rig_await_workers(rig, rig->workers);
    wraps_make_keys();
    ck_assert_int_eq(wrap(&wrapped, &fault), ERR_OK);
    ck_assert_uint_eq(device_key_open(&device, &wrapped, bytes_of("i", 1), KEY_BYTES, session_key),
                      KEY_BYTES);
}

enum error wraps_try(struct fault *fault)
{
    struct hsm_wrapped wrapped;
    enum error e = wrap(&wrapped, fault);
    ck_assert(e != ERR_OK || opens(&wrapped));
    return e;
}

void wraps_do(void)
{
    struct fault fault = {0};
    ck_assert_msg(wraps_try(&fault) == ERR_OK, "%s %lx", fault.reason, fault.native);
}

void wraps_check_key(const uint8_t *bytes)
{
    ck_assert_mem_eq(bytes, session_key, KEY_BYTES);
}

/* ---- load ---- */

static void *load_main(void *argument)
{
    struct load *load = argument;
    while (!atomic_load(&load->is_over)) {
        struct fault fault = {0};
        bool is_done = wraps_try(&fault) == ERR_OK;
        if (!is_done)
            (void)fprintf(stderr, "wrap failed: %s\n", fault.reason);
        atomic_fetch_add(is_done ? &load->done : &load->failed, 1);
    }
    return NULL;
}

void load_start(struct load *load)
{
    for (int i = 0; i < LOAD_THREADS; i++)
        ck_assert_int_eq(pthread_create(&load->threads[i], NULL, load_main, load), 0);
}

void load_stop(struct load *load)
{
    atomic_store(&load->is_over, true);
    for (int i = 0; i < LOAD_THREADS; i++)
        (void)pthread_join(load->threads[i], NULL);
}

void load_await(struct load *load, unsigned done)
{
    while (atomic_load(&load->done) < done && atomic_load(&load->failed) == 0)
        hsm_rig_pause(5);
}
