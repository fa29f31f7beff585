/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The load is the same crowd that asks the product. */
#include "tang.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "core/clock.h"
#include "crowd.h"
#include "meter.h"

#define TANGD       "/usr/libexec/tangd"
#define ACCEPTER    "systemd-socket-activate"
#define PATH_SIZE   (TEMP_PATH_MAX + 64)
#define ADDRESS_MAX 64
#define ATONCE      8
#define DRIVE_MS    10
#define BODY_MAX    1024
#define OK          200
#define TRIES       100 /* of 50 ms until it serves, or until its last child is gone */
#define TRY_US      50000

struct tang {
    pid_t pid;
    char address[ADDRESS_MAX]; /* host:port */
    char url[ADDRESS_MAX + 8];
    char folder[PATH_SIZE];
    char body[BODY_MAX];
    char path[BODY_MAX];
    struct crowd *crowd;
    size_t left;
    size_t good;
};

/* ---- the server ---- */

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

/* The server's keys, the exchange key's thumbprint, and a client's public key. */
static void make_keys(const struct rig *rig, struct tang *tang)
{
    char thumbprint[BODY_MAX];
    ck_assert_int_eq(
        rig_shell(rig, "rm -rf $DIR/tang && mkdir $DIR/tang && cd $DIR/tang && "
                       "jose jwk gen -i '{\"alg\":\"ES512\"}' -o sign.jwk && "
                       "jose jwk gen -i '{\"alg\":\"ECMR\"}' -o exchange.jwk && "
                       "jose jwk thp -i exchange.jwk -a S256 >../tang-thumbprint && "
                       "jose jwk gen -i '{\"alg\":\"ECMR\"}' | jose jwk pub -i- -o ../tang-client"),
        0);
    read_line(rig, "tang-thumbprint", thumbprint);
    read_line(rig, "tang-client", tang->body);
    (void)snprintf(tang->path, sizeof tang->path, "/rec/%.200s", thumbprint);
    (void)snprintf(tang->folder, sizeof tang->folder, "%s/tang", rig->dir);
}

/* One that was free a moment ago. */
static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(probe, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(getsockname(probe, (struct sockaddr *)&address, &length), 0);
    (void)close(probe);
    return ntohs(address.sin_port);
}

static void be_server(const struct tang *tang)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)setpgid(0, 0);
    if (dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0)
        (void)execlp(ACCEPTER, ACCEPTER, "--listen", tang->address, "--accept", "--inetd", TANGD,
                     tang->folder, (char *)NULL);
    _exit(EXIT_FAILURE);
}

static void start(const struct rig *rig, struct tang *tang)
{
    unsigned port = free_port();
    (void)snprintf(tang->address, sizeof tang->address, "127.0.0.1:%u", port);
    (void)snprintf(tang->url, sizeof tang->url, "http://%s", tang->address);
    tang->pid = fork();
    ck_assert_int_ge(tang->pid, 0);
    if (tang->pid == 0)
        be_server(tang);
    (void)setpgid(tang->pid, tang->pid);
    ck_assert_int_eq(
        rig_shell(rig,
                  "for i in $(seq %d); do curl -s -o /dev/null %s/adv && exit 0; sleep 0.05; done; "
                  "exit 1",
                  TRIES, tang->url),
        0);
}

static bool has_children(pid_t pid)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)pid, (long)pid);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    bool is_found = fgetc(file) != EOF;
    (void)fclose(file);
    return is_found;
}

/* Of those that it has waited for: all, when none is left. */
static int64_t server_cpu_us(const struct tang *tang)
{
    for (int i = 0; i < TRIES && has_children(tang->pid); i++)
        (void)usleep(TRY_US);
    return meter_process_cpu_us(tang->pid);
}

/* ---- the clients ---- */

static void take(void *context, const struct crowd_answer *answer)
{
    struct tang *tang = context;
    tang->good += answer->status == OK;
    if (tang->left == 0)
        return;
    tang->left--;
    crowd_send(tang->crowd, answer->member, tang->path, tang->body);
}

static void ask_all(const struct rig *rig, struct tang *tang, bool is_kept)
{
    tang->crowd = crowd_new(tang->url, rig->ca, take, tang);
    for (size_t i = 0; i < ATONCE; i++) {
        crowd_join(tang->crowd,
                   &(struct crowd_member){.is_fresh = !is_kept, .address = (unsigned)i});
        tang->left--;
        crowd_send(tang->crowd, i, tang->path, tang->body);
    }
    while (crowd_busy(tang->crowd) > 0)
        crowd_drive(tang->crowd, DRIVE_MS);
}

bool tang_run(const struct rig *rig, size_t count, bool is_kept, struct tang_result *ret_result)
{
    struct tang tang = {.left = count};
    if (rig_shell(rig, "test -x " TANGD " && command -v jose " ACCEPTER " >/dev/null") != 0)
        return false;
    make_keys(rig, &tang);
    start(rig, &tang);
    int64_t cpu_us = server_cpu_us(&tang);
    int64_t begin_us = clock_monotonic_us();
    ask_all(rig, &tang, is_kept);
    int64_t took_us = clock_monotonic_us() - begin_us;
    crowd_free(tang.crowd); /* closes what was kept, and its processes end */
    cpu_us = server_cpu_us(&tang) - cpu_us;
    (void)kill(-tang.pid, SIGKILL);
    (void)waitpid(tang.pid, NULL, 0);
    ck_assert_uint_eq(tang.good, count);
    *ret_result = (struct tang_result){.exchanges = count, .took_us = took_us, .cpu_us = cpu_us};
    return true;
}
