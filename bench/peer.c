/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Each program is waited for by itself, and what it used is what wait4(2) says. */
#include "peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>
#include <jansson.h>

#include "rig_token.h"

#define SECOND_US 1000000
#define PATH_SIZE (TEMP_PATH_MAX + 64)
#define KEY_BYTES 32
#define PIN_NAME  "BENCH_PIN"
#define PIN_FROM  "env:BENCH_PIN"

struct files {
    const char *authority;  /* a file: who issued the device's certificate */
    char device[PATH_SIZE]; /* the certificate */
    char key[PATH_SIZE];    /* what a license carries */
    char license[PATH_SIZE];
    char module[RIG_VALUE_MAX];
    char label[RIG_VALUE_MAX];
};

static void write_file(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_device(const char *path, const char *body)
{
    json_t *request = json_loads(body, 0, NULL);
    json_t *pem = json_object_get(json_object_get(request, "device"), "certificate_chain");
    ck_assert_ptr_nonnull(json_string_value(pem));
    write_file(path, json_string_value(pem), json_string_length(pem));
    json_decref(request);
}

/* Waits for it; it must end well. */
static int64_t cpu_us_of(const char *const arguments[])
{
    struct rusage usage;
    int status = 0;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0)
            (void)execvp(arguments[0], (char **)(uintptr_t)arguments);
        _exit(EXIT_FAILURE);
    }
    ck_assert_int_eq(wait4(pid, &status, 0, &usage), pid);
    ck_assert_msg(status == 0, "%s fails", arguments[0]);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND_US + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

static int64_t license(const struct files *files)
{
    const char *const verify[] = {"openssl",        "verify",      "-CAfile",
                                  files->authority, files->device, NULL};
    const char *const encrypt[] = {
        "openssl",  "cms", "-encrypt", "-binary",      "-aes-256-gcm", "-in", files->key,
        "-outform", "DER", "-out",     files->license, files->device,  NULL};
    const char *const use_token[] = {
        "pkcs11-tool",       "--module", files->module, "--token-label",
        files->label,        "--login",  "--pin",       PIN_FROM,
        "--generate-random", "32",       NULL};
    return cpu_us_of(verify) + cpu_us_of(encrypt) + cpu_us_of(use_token);
}

static void prepare(const struct rig *rig, struct files *files)
{
    static const unsigned char key[KEY_BYTES] = {1};
    char pin[RIG_TOKEN_PIN_MAX];
    files->authority = rig->device_ca_cert;
    (void)snprintf(files->device, sizeof files->device, "%s/peer-device.pem", rig->dir);
    (void)snprintf(files->key, sizeof files->key, "%s/peer-key.bin", rig->dir);
    (void)snprintf(files->license, sizeof files->license, "%s/peer-license.der", rig->dir);
    rig_value(rig, "RIG_HSM_MODULE", files->module);
    rig_value(rig, "RIG_TOKEN", files->label);
    rig_token_prepare(rig, pin);
    ck_assert_int_eq(setenv(PIN_NAME, pin, 1), 0);
    write_file(files->key, key, sizeof key);
}

double peer_process_cpu_us(const struct rig *rig, const struct devices *devices, size_t count)
{
    struct files files;
    int64_t cpu_us = 0;
    prepare(rig, &files);
    for (size_t i = 0; i < count; i++) {
        write_device(files.device, devices->bodies[i % devices->count]);
        cpu_us += license(&files);
    }
    ck_assert_int_eq(unsetenv(PIN_NAME), 0);
    return (double)cpu_us / (double)count;
}
