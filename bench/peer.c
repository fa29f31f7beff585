/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Shell commands, and what they used as getrusage(2) has it. */
#include "peer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>
#include <jansson.h>

#include "core/clock.h"
#include "crowd.h"

#define SECOND_US   1000000
#define PATH_SIZE   (TEMP_PATH_MAX + 64)
#define TANGD       "/usr/libexec/tangd"
#define TANG_PORT   "18900"
#define TANG_URL    "http://127.0.0.1:" TANG_PORT
#define TANG_ATONCE 8
#define TANG_WAIT   100
#define DRIVE_MS    10
#define BODY_MAX    1024
#define OK          200

/* ---- a process per license ---- */

static int64_t children_cpu_us(void)
{
    struct rusage usage;
    ck_assert_int_eq(getrusage(RUSAGE_CHILDREN, &usage), 0);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND_US + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

static void write_leaf(const struct rig *rig, const char *body)
{
    char path[PATH_SIZE];
    json_t *request = json_loads(body, 0, NULL);
    const char *pem =
        json_string_value(json_object_get(json_object_get(request, "device"), "certificate_chain"));
    (void)snprintf(path, sizeof path, "%s/peer-device.pem", rig->dir);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    (void)fputs(pem, file);
    ck_assert_int_eq(fclose(file), 0);
    json_decref(request);
}

double peer_process_cpu_us(const struct rig *rig, const struct devices *devices, size_t count)
{
    int64_t cpu_us = 0;
    ck_assert_int_eq(rig_shell(rig, "head -c 32 /dev/urandom >$DIR/peer-key.bin"), 0);
    for (size_t i = 0; i < count; i++) {
        write_leaf(rig, devices->bodies[i % devices->count]);
        int64_t begin_us = children_cpu_us();
        ck_assert_int_eq(
            rig_shell(rig,
                      "export SOFTHSM2_CONF=$RIG_SOFTHSM2_CONF BENCH_PIN=$(cat $RIG_PIN_FILE)\n"
                      "openssl cms -encrypt -binary -aes-256-gcm -in $DIR/peer-key.bin "
                      "-outform DER -out $DIR/peer-license.der $DIR/peer-device.pem && "
                      "pkcs11-tool --module $RIG_HSM_MODULE --token-label $RIG_TOKEN --login "
                      "--pin env:BENCH_PIN --generate-random 32 >/dev/null 2>&1"),
            0);
        cpu_us += children_cpu_us() - begin_us;
    }
    return (double)cpu_us / (double)count;
}

/* ---- tang ---- */

struct tang {
    struct crowd *crowd;
    char body[BODY_MAX];
    char path[BODY_MAX];
    size_t left;
    size_t good;
};

static void take_tang(void *context, const struct crowd_answer *answer)
{
    struct tang *tang = context;
    tang->good += answer->status == OK;
    if (tang->left > 0) {
        tang->left--;
        crowd_send(tang->crowd, answer->member, tang->path, tang->body);
    }
}

static void read_line(const struct rig *rig, const char *name, char text[BODY_MAX])
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", rig->dir, name);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(text, BODY_MAX, file));
    (void)fclose(file);
    text[strcspn(text, "\n")] = '\0';
}

/* The server's exchange key's thumbprint and a client's public key. */
static void make_tang(const struct rig *rig, struct tang *tang)
{
    char thumbprint[BODY_MAX];
    ck_assert_int_eq(
        rig_shell(rig, "mkdir -p $DIR/tang && cd $DIR/tang && "
                       "jose jwk gen -i '{\"alg\":\"ES512\"}' -o sign.jwk && "
                       "jose jwk gen -i '{\"alg\":\"ECMR\"}' -o exchange.jwk && "
                       "jose jwk thp -i exchange.jwk -a S256 >../tang-thumbprint && "
                       "jose jwk gen -i '{\"alg\":\"ECMR\"}' | jose jwk pub -i- -o ../tang-client"),
        0);
    read_line(rig, "tang-thumbprint", thumbprint);
    read_line(rig, "tang-client", tang->body);
    (void)snprintf(tang->path, sizeof tang->path, "/rec/%.200s", thumbprint);
}

static pid_t start_tang(const struct rig *rig)
{
    char server[PATH_SIZE];
    (void)snprintf(server, sizeof server, "EXEC:%s %s/tang", TANGD, rig->dir);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)setpgid(0, 0);
        (void)freopen("/dev/null", "w", stderr);
        (void)execlp("socat", "socat", "TCP-LISTEN:" TANG_PORT ",bind=127.0.0.1,reuseaddr,fork",
                     server, (char *)NULL);
        _exit(EXIT_FAILURE);
    }
    (void)setpgid(pid, pid);
    ck_assert_int_eq(
        rig_shell(rig,
                  "for i in $(seq %d); do curl -s -o /dev/null %s/adv && exit 0; sleep 0.05; done; "
                  "exit 1",
                  TANG_WAIT, TANG_URL),
        0);
    return pid;
}

bool peer_tang_per_s(const struct rig *rig, size_t count, double *ret_per_s)
{
    struct tang tang = {.left = count};
    if (rig_shell(rig, "test -x " TANGD " && command -v jose socat >/dev/null") != 0)
        return false;
    make_tang(rig, &tang);
    pid_t pid = start_tang(rig);
    tang.crowd = crowd_new(TANG_URL, rig->ca, take_tang, &tang);
    int64_t begin_us = clock_monotonic_us();
    for (size_t i = 0; i < TANG_ATONCE; i++) {
        crowd_join(tang.crowd, &(struct crowd_member){.is_fresh = true, .address = (unsigned)i});
        tang.left--;
        crowd_send(tang.crowd, i, tang.path, tang.body);
    }
    while (crowd_busy(tang.crowd) > 0)
        crowd_drive(tang.crowd, DRIVE_MS);
    int64_t took_us = clock_monotonic_us() - begin_us;
    crowd_free(tang.crowd);
    (void)kill(-pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    ck_assert_uint_eq(tang.good, count);
    *ret_per_s = (double)count * SECOND_US / (double)took_us;
    return true;
}
