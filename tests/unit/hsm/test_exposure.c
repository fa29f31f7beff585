/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a seal leaves behind, seen from inside a worker: this process opens the token itself. Each
 * test has a process of its own.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device_key.h"
#include "hsm/p11.h"
#include "hsm_rig.h"
#include "peer.h"

#define KEY_BYTES         16
#define HALF              8 /* AES key unwrap works on halves of such a key */
#define MASK              0xa5
#define MAPPING_MAX_BYTES ((size_t)64 << 20)

static struct temp_dir dir;
static struct softhsm softhsm;
static struct p11 p11;
static struct device_key device;
static struct rig_keys keys;

static void ignore_login(void *context, bool is_done)
{
    (void)context;
    (void)is_done;
}

static void set_up(void)
{
    SECRET_AUTO pin = {0};
    struct fault fault = {0};
    temp_dir_make(&dir);
    softhsm_make(&dir, &softhsm);
    const struct p11_options options = {.module = softhsm.module,
                                        .token = softhsm.token,
                                        .arguments = "",
                                        .serial = "",
                                        .note_login = ignore_login};
    ck_assert_int_eq(secret_heap_init(&fault), ERR_OK);
    ck_assert_int_eq(secret_new(strlen(softhsm.pin), &pin), ERR_OK);
    memcpy(pin.bytes, softhsm.pin, pin.length);
    ck_assert_msg(p11_open(&p11, &options, &pin, &fault) == ERR_OK, "%s", fault.reason);
    ck_assert_int_eq(p11_choose_mode(&p11, &fault), ERR_OK);
    ck_assert_int_eq(p11_generate_firmware_key(&p11, &keys.firmware_key, "provisiond-fk:t", &fault),
                     ERR_OK);
    ck_assert_int_eq(
        p11_generate_session_key(&p11, &keys.firmware_key, KEY_BYTES, &keys.session_key, &fault),
        ERR_OK);
    device_key_make(&device);
}

static void tear_down(void)
{
    device_key_free(&device);
    p11_close(&p11);
    temp_dir_remove(&dir);
}

static struct hsm_seal make_seal(void)
{
    struct hsm_seal seal = device_seal(&device, &keys, bytes_of("info", 4));
    seal.prefix = bytes_of("sixteen of bytes", 16);
    seal.aad = bytes_of("header", 6);
    return seal;
}

/* The session key as the worker caches it. */
static CK_OBJECT_HANDLE get_session_key(void)
{
    struct fault fault;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    ck_assert_int_eq(p11_get_session_key(&p11, &keys.firmware_key,
                                         bytes_of(keys.session_key.bytes, keys.session_key.length),
                                         &key, &fault),
                     ERR_OK);
    return key;
}

static size_t count_objects(void)
{
    CK_OBJECT_HANDLE handles[64];
    struct p11_found found = {.handles = handles, .max = 64};
    struct fault fault;
    ck_assert_int_eq(p11_find(&p11, NULL, 0, &found, &fault), ERR_OK);
    return found.count;
}

static bool read_flag(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = 2;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};
    ck_assert_uint_eq(p11_read(&p11, key, &attribute), CKR_OK);
    return value == CK_TRUE;
}

START_TEST(a_seal_leaves_the_session_key_as_it_was)
{
    static const CK_ATTRIBUTE_TYPE flags[] = {CKA_TOKEN,   CKA_PRIVATE,     CKA_SENSITIVE,
                                              CKA_ENCRYPT, CKA_DECRYPT,     CKA_WRAP,
                                              CKA_UNWRAP,  CKA_EXTRACTABLE, CKA_ALWAYS_SENSITIVE};
    bool before[sizeof flags / sizeof flags[0]];
    struct hsm_seal seal = make_seal();
    struct hsm_sealed sealed;
    struct fault fault;
    uint8_t value[64];
    CK_ATTRIBUTE in_clear = {CKA_VALUE, value, sizeof value};
    CK_OBJECT_HANDLE key = get_session_key();
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        before[i] = read_flag(key, flags[i]);
    ck_assert_int_eq(p11_seal(&p11, &seal, &sealed, &fault), ERR_OK);
    ck_assert_uint_eq(get_session_key(), key);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        ck_assert_int_eq(read_flag(key, flags[i]), before[i]);
    ck_assert(read_flag(key, CKA_SENSITIVE));
    ck_assert_uint_eq(p11_read(&p11, key, &in_clear), CKR_ATTRIBUTE_SENSITIVE);
}
END_TEST

START_TEST(a_seal_leaves_no_object_behind_whether_it_succeeds_or_not)
{
    struct hsm_seal seal = make_seal();
    struct hsm_sealed sealed;
    struct fault fault;
    (void)get_session_key();
    size_t before = count_objects();
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(p11_seal(&p11, &seal, &sealed, &fault), ERR_OK);
    ck_assert_uint_eq(count_objects(), before);
    device.point[1] ^= 1;
    ck_assert_int_eq(p11_seal(&p11, &seal, &sealed, &fault), ERR_BAD_REQUEST);
    ck_assert_uint_eq(count_objects(), before);
}
END_TEST

/* Z, the KEK and the session key itself are session objects for the one call. */
START_TEST(an_import_leaves_no_object_behind_whether_it_succeeds_or_not)
{
    struct hsm_spki checkpoint;
    struct hsm_spki transport;
    struct hsm_wrapped wrapped;
    struct hsm_wrapped_key key;
    struct fault fault;
    ck_assert_int_eq(p11_init_keys(&p11, &checkpoint, &transport, &fault), ERR_OK);
    struct hsm_wrap wrap = device_wrap(&device, &keys, bytes_of("info", 4), 32);
    wrap.peer_point = bytes_of(transport.der + transport.length - 65, 65);
    ck_assert_int_eq(p11_wrap(&p11, &wrap, &wrapped, &fault), ERR_OK);
    struct hsm_import import = {.firmware_key = keys.firmware_key,
                                .curve = HSM_P256,
                                .ephemeral_point = bytes_of(wrapped.ephemeral_point, 65),
                                .kdf = HSM_X963_SHA256,
                                .shared_info = bytes_of("info", 4),
                                .kek_bytes = 32,
                                .key = device_wrapped_key(&wrapped)};
    size_t before = count_objects();
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(p11_import(&p11, &import, &key, &fault), ERR_OK);
        ck_assert_mem_eq(key.bytes, keys.session_key.bytes, keys.session_key.length);
    }
    ck_assert_uint_eq(count_objects(), before);
    import.key.bytes[3] ^= 1;
    ck_assert_int_eq(p11_import(&p11, &import, &key, &fault), ERR_BAD_REQUEST);
    ck_assert(!p11.is_unfit);
    import.ephemeral_point.length = 64;
    ck_assert_int_eq(p11_import(&p11, &import, &key, &fault), ERR_BAD_REQUEST);
    ck_assert_uint_eq(count_objects(), before);
}
END_TEST

/* The session key, which is cached, is the one object that stays. */
static void check_nothing_stays(const struct hsm_wrap *wrap, enum error expected)
{
    struct hsm_wrapped wrapped;
    struct fault fault;
    CK_OBJECT_HANDLE key = get_session_key();
    size_t before = count_objects();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(p11_wrap(&p11, wrap, &wrapped, &fault), expected);
    ck_assert_uint_eq(count_objects(), before);
    ck_assert_uint_eq(get_session_key(), key);
    ck_assert(read_flag(key, CKA_SENSITIVE) && !read_flag(key, CKA_TOKEN));
    ck_assert(!p11.is_unfit);
}

START_TEST(a_wrap_for_any_peer_leaves_no_object_behind_and_the_key_sensitive)
{
    struct peer peer;
    peer_make(HSM_P384, &peer);
    for (enum hsm_kdf kdf = HSM_X963_SHA256; kdf <= HSM_CONCAT_SHA256; kdf++) {
        const struct hsm_wrap wrap = peer_wrap(&peer, &keys, HSM_P384, kdf, 32);
        check_nothing_stays(&wrap, ERR_OK);
    }
    peer.point[5] ^= 1;
    const struct hsm_wrap off_curve = peer_wrap(&peer, &keys, HSM_P384, HSM_HKDF_SHA256, 32);
    check_nothing_stays(&off_curve, ERR_BAD_REQUEST);
    peer_free(&peer);
    peer_make_rsa(PEER_RSA_BITS, &peer);
    for (enum hsm_key_wrap way = HSM_RSA_OAEP; way <= HSM_RSA_PKCS1; way++) {
        const struct hsm_wrap wrap = peer_rsa_wrap(&peer, &keys, way);
        check_nothing_stays(&wrap, ERR_OK);
    }
    peer.spki[peer.spki_length - 1] ^= 1;
    const struct hsm_wrap even = peer_rsa_wrap(&peer, &keys, HSM_RSA_OAEP);
    check_nothing_stays(&even, ERR_BAD_REQUEST);
    peer_free(&peer);
}
END_TEST

static void check_seal_leaves_nothing(const struct hsm_seal *seal, enum error expected)
{
    struct hsm_sealed sealed;
    struct fault fault;
    CK_OBJECT_HANDLE key = get_session_key();
    size_t before = count_objects();
    ck_assert_int_eq(p11_seal(&p11, seal, &sealed, &fault), expected);
    ck_assert_uint_eq(count_objects(), before);
    ck_assert(read_flag(key, CKA_SENSITIVE));
}

START_TEST(a_seal_of_any_scheme_leaves_no_object_behind_and_the_key_sensitive)
{
    static const uint8_t zeros[32];
    struct peer peer;
    peer_make(HSM_X25519, &peer);
    struct hsm_seal seal = peer_seal(&peer, &keys, HSM_X25519, HSM_HKDF_SHA512, 16);
    check_seal_leaves_nothing(&seal, ERR_OK);
    seal.peer_point = bytes_of(zeros, sizeof zeros);
    check_seal_leaves_nothing(&seal, ERR_BAD_REQUEST);
    peer_free(&peer);
    peer_make_rsa(PEER_RSA_BITS, &peer);
    const struct hsm_seal rsa = peer_rsa_seal(&peer, &keys);
    check_seal_leaves_nothing(&rsa, ERR_OK);
    peer_free(&peer);
}
END_TEST

/* As open_elsewhere. */
static void open_peer_elsewhere(const struct peer *peer, const struct hsm_seal *seal,
                                const struct hsm_sealed *sealed, uint8_t out[KEY_BYTES])
{
    uint8_t key[HSM_SESSION_KEY_MAX];
    int ends[2];
    int status = 1;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        size_t length = peer_open_seal(peer, seal, sealed, key);
        for (size_t i = 0; i < length; i++)
            key[i] ^= MASK;
        ssize_t n = length == KEY_BYTES ? write(ends[1], key, KEY_BYTES) : 0;
        _exit(n == KEY_BYTES ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(read(ends[0], out, KEY_BYTES), KEY_BYTES);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

START_TEST(the_throw_away_key_wraps_and_does_nothing_else)
{
    SECRET_AUTO kek = {0};
    struct fault fault;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    ck_assert_int_eq(secret_new(32, &kek), ERR_OK);
    size_t before = count_objects();
    ck_assert_int_eq(p11_import_kek(&p11, &kek, &key, &fault), ERR_OK);
    ck_assert_uint_eq(count_objects(), before + 1);
    ck_assert(read_flag(key, CKA_WRAP) && read_flag(key, CKA_SENSITIVE));
    ck_assert(!read_flag(key, CKA_TOKEN) && !read_flag(key, CKA_EXTRACTABLE));
    ck_assert(!read_flag(key, CKA_UNWRAP) && !read_flag(key, CKA_DECRYPT));
    p11_destroy(&p11, &key);
    ck_assert_uint_eq(count_objects(), before);
}
END_TEST

/* ---- memory ---- */

/* The session key, masked. A process of its own opens the seal: this one never has the key. */
static void open_elsewhere(const struct hsm_sealed *sealed, const struct hsm_seal *seal,
                           uint8_t out[KEY_BYTES])
{
    uint8_t text[HSM_SEALED_MAX];
    int ends[2];
    int status = 1;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        size_t length = device_seal_open(&device, sealed, seal, text);
        for (size_t i = 0; i < length; i++)
            text[i] ^= MASK;
        ssize_t n = length == 16 + KEY_BYTES ? write(ends[1], text + 16, KEY_BYTES) : 0;
        _exit(n == KEY_BYTES ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(read(ends[0], out, KEY_BYTES), KEY_BYTES);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static size_t count_in(const uint8_t *memory, size_t length, const uint8_t masked[HALF])
{
    size_t count = 0;
    for (size_t i = 0; i + HALF <= length; i++) {
        size_t n = 0;
        while (n < HALF && (memory[i + n] ^ MASK) == masked[n])
            n++;
        count += n == HALF;
    }
    return count;
}

/* How often the half key is in this process's writable memory; SIZE_MAX when none can be read. */
static size_t count_in_memory(const uint8_t masked[HALF])
{
    static uint8_t copy[65536];
    char line[512];
    unsigned long from = 0;
    unsigned long to = 0;
    char mode[5];
    size_t count = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    FILE *memory = fopen("/proc/self/mem", "re");
    ck_assert_ptr_nonnull(maps);
    ck_assert_ptr_nonnull(memory);
    (void)setvbuf(memory, NULL, _IONBF, 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || mode[1] != 'w' ||
            to - from > MAPPING_MAX_BYTES) /* a sanitizer's shadow */
            continue;
        /* Windows overlap by all but one byte of the pattern. */
        for (unsigned long at = from; at < to; at += sizeof copy - HALF + 1) {
            size_t length = to - at < sizeof copy ? to - at : sizeof copy;
            ssize_t n = pread(fileno(memory), copy, length, (off_t)at);
            count += n > 0 ? count_in(copy, (size_t)n, masked) : 0;
            memset(copy, 0, sizeof copy);
        }
    }
    (void)fclose(maps);
    (void)fclose(memory);
    return count;
}

START_TEST(no_half_of_the_key_stays_in_memory_after_a_seal)
{
    struct hsm_seal seal = make_seal();
    struct hsm_sealed sealed;
    struct fault fault;
    uint8_t masked[KEY_BYTES];
    struct secret in_clear;
    ck_assert_int_eq(p11_seal(&p11, &seal, &sealed, &fault), ERR_OK);
    open_elsewhere(&sealed, &seal, masked);
    ck_assert_uint_eq(count_in_memory(masked), 0);
    ck_assert_uint_eq(count_in_memory(masked + HALF), 0);
    /* And the search would find it. */
    ck_assert_int_eq(secret_new(KEY_BYTES, &in_clear), ERR_OK);
    for (size_t i = 0; i < KEY_BYTES; i++)
        in_clear.bytes[i] = masked[i] ^ MASK;
    ck_assert_uint_ge(count_in_memory(masked), 1);
    ck_assert_uint_ge(count_in_memory(masked + HALF), 1);
    secret_clear(&in_clear);
}
END_TEST

static void check_memory_after(const struct peer *peer, const struct hsm_seal *seal)
{
    struct hsm_sealed sealed;
    struct fault fault;
    uint8_t masked[KEY_BYTES];
    ck_assert_int_eq(p11_seal(&p11, seal, &sealed, &fault), ERR_OK);
    open_peer_elsewhere(peer, seal, &sealed, masked);
    ck_assert_uint_eq(count_in_memory(masked), 0);
    ck_assert_uint_eq(count_in_memory(masked + HALF), 0);
}

START_TEST(no_half_of_the_key_stays_in_memory_after_a_seal_of_another_scheme)
{
    struct peer peer;
    peer_make(HSM_X25519, &peer);
    const struct hsm_seal ecies = peer_seal(&peer, &keys, HSM_X25519, HSM_HKDF_SHA256, 16);
    check_memory_after(&peer, &ecies);
    peer_free(&peer);
    peer_make_rsa(PEER_RSA_BITS, &peer);
    const struct hsm_seal rsa = peer_rsa_seal(&peer, &keys);
    check_memory_after(&peer, &rsa);
    peer_free(&peer);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("exposure");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_seal_leaves_the_session_key_as_it_was);
    tcase_add_test(tests, a_seal_leaves_no_object_behind_whether_it_succeeds_or_not);
    tcase_add_test(tests, an_import_leaves_no_object_behind_whether_it_succeeds_or_not);
    tcase_add_test(tests, a_wrap_for_any_peer_leaves_no_object_behind_and_the_key_sensitive);
    tcase_add_test(tests, a_seal_of_any_scheme_leaves_no_object_behind_and_the_key_sensitive);
    tcase_add_test(tests, no_half_of_the_key_stays_in_memory_after_a_seal_of_another_scheme);
    tcase_add_test(tests, the_throw_away_key_wraps_and_does_nothing_else);
    tcase_add_test(tests, no_half_of_the_key_stays_in_memory_after_a_seal);
    return hsm_rig_run_tests(tests);
}
