/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Drives rig/rig.sh, then owns the programs' processes. */
#include "support/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>
#include <sqlite3.h>

#include "core/clock.h"
#include "support/http.h"

#define COMMAND_MAX      4096
#define START_TIMEOUT_MS 30000
#define DEATH_TIMEOUT_MS 20000
#define POLL_MS          10
#define READY_TIMEOUT_S  2L /* of one look */

static const char *const NAMES[RIG_PROGRAMS] = {"provision-hsm", "provision-vault", "provisiond"};

static const char *bin_dir(void)
{
    const char *bin = getenv("PROVISIOND_BIN");
    ck_assert_msg(bin != NULL, "PROVISIOND_BIN must name the folder with the programs");
    return bin;
}

static int run(const char *command)
{
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int rig_shell(const struct rig *rig, const char *format, ...)
{
    char command[COMMAND_MAX];
    int at = snprintf(command, sizeof command, "BIN='%s'; DIR='%s'; SOURCE='%s'; . $DIR/env; ",
                      bin_dir(), rig->dir, PROVISIOND_SOURCE_DIR);
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(command + at, sizeof command - (size_t)at, format, arguments);
    va_end(arguments);
    ck_assert_int_lt(at + more, COMMAND_MAX);
    return run(command);
}

/* Reads NAME='value' out of the rig's environment file. */
static void read_value(const struct rig *rig, const char *name, char out[RIG_VALUE_MAX])
{
    char path[TEMP_PATH_MAX + 8];
    char line[RIG_VALUE_MAX + 64];
    char wanted[64];
    (void)snprintf(path, sizeof path, "%s/env", rig->dir);
    (void)snprintf(wanted, sizeof wanted, "%s='", name);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    out[0] = '\0';
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, wanted, strlen(wanted)) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        line[strlen(line) - 1] = '\0';
        (void)snprintf(out, RIG_VALUE_MAX, "%s", line + strlen(wanted));
    }
    (void)fclose(file);
    ck_assert_msg(out[0] != '\0', "%s is missing in %s", name, path);
}

void rig_value(const struct rig *rig, const char *name, char ret_value[RIG_VALUE_MAX])
{
    read_value(rig, name, ret_value);
}

static pid_t read_pid(const struct rig *rig, enum rig_program program)
{
    char path[TEMP_PATH_MAX + 32];
    long pid = 0;
    (void)snprintf(path, sizeof path, "%s/%s.pid", rig->dir, NAMES[program]);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld", &pid), 1);
    (void)fclose(file);
    return (pid_t)pid;
}

static void read_env(struct rig *rig)
{
    read_value(rig, "RIG_URL", rig->url);
    read_value(rig, "RIG_CA", rig->ca);
    read_value(rig, "RIG_STATION_CERT", rig->station_cert);
    read_value(rig, "RIG_STATION_KEY", rig->station_key);
    read_value(rig, "RIG_DEVICE_CA_CERT", rig->device_ca_cert);
    read_value(rig, "RIG_DEVICE_CA_KEY", rig->device_ca_key);
    read_value(rig, "RIG_PRODUCT", rig->product);
    read_value(rig, "RIG_IMAGE", rig->image);
    read_value(rig, "RIG_IMAGE_FILE", rig->image_file);
    read_value(rig, "RIG_FIRMWARE", rig->firmware);
    read_value(rig, "RIG_ST_PRODUCT", rig->st_product);
    read_value(rig, "RIG_ST_PRODUCT_ID", rig->st_product_id);
    read_value(rig, "RIG_ST_CA_KEY", rig->st_ca_key);
    read_value(rig, "RIG_ST_IMAGE", rig->st_image);
    read_value(rig, "RIG_ST_IMAGE_FILE", rig->st_image_file);
    read_value(rig, "RIG_ST_FWID", rig->st_fwid);
    read_value(rig, "RIG_CONFIG", rig->config);
    read_value(rig, "RIG_LEDGER", rig->ledger);
    read_value(rig, "RIG_VAULT_SOCKET", rig->vault_socket);
}

/* The rigs of one run of all tests share their certificates (rig/rig.sh). */
static void share_certificates(void)
{
    char path[TEMP_PATH_MAX];
    const char *folder = getenv("PROVISIOND_TEST_DIR");
    if (folder == NULL)
        return;
    ck_assert_int_lt(snprintf(path, sizeof path, "%s/certificates", folder), (int)sizeof path);
    ck_assert_int_eq(setenv("RIG_CERTIFICATES", path, 1), 0);
}

static void up(struct rig *rig, int64_t quota, int64_t governed, const char *profiles)
{
    char command[COMMAND_MAX];
    memset(rig, 0, sizeof *rig);
    rig->listener = -1;
    /* The programs outlive the shell that starts them: they shall be ours to wait for. */
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    temp_dir_make(&rig->temp);
    temp_dir_path(&rig->temp, "rig", rig->dir);
    share_certificates();
    (void)snprintf(command, sizeof command,
                   "sh '%s/rig/rig.sh' '%s' up --dir '%s' --quota %lld --governed %lld "
                   "--profiles %s >/dev/null",
                   PROVISIOND_SOURCE_DIR, bin_dir(), rig->dir, (long long)quota,
                   (long long)governed, profiles);
    ck_assert_msg(run(command) == 0, "the rig does not come up");
    read_env(rig);
    for (int i = 0; i < RIG_PROGRAMS; i++)
        rig->pids[i] = read_pid(rig, (enum rig_program)i);
}

void rig_up(struct rig *rig, int64_t quota)
{
    rig_up_governed(rig, quota, 0);
}

void rig_up_governed(struct rig *rig, int64_t quota, int64_t governed)
{
    up(rig, quota, governed, "no");
}

void rig_up_profiles(struct rig *rig, int64_t quota)
{
    up(rig, quota, 0, "yes");
}

void rig_down(struct rig *rig)
{
    for (int i = RIG_PROGRAMS - 1; i >= 0; i--) {
        if (rig->pids[i] > 0)
            rig_kill(rig, (enum rig_program)i, SIGTERM);
    }
    if (rig->listener >= 0)
        (void)close(rig->listener);
    temp_dir_remove(&rig->temp);
}

bool rig_is_running(const struct rig *rig, enum rig_program program)
{
    if (rig->pids[program] <= 0)
        return false;
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)rig->pids[program], &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return false;
    return info.si_pid == 0;
}

static int wait_for_status(struct rig *rig, enum rig_program program)
{
    int status = 0;
    deadline_ms deadline = deadline_in(DEATH_TIMEOUT_MS);
    while (waitpid(rig->pids[program], &status, WNOHANG) == 0) {
        ck_assert_msg(deadline_left_ms(deadline) > 0, "%s does not end", NAMES[program]);
        (void)usleep(POLL_MS * 1000);
    }
    rig->pids[program] = 0;
    return status;
}

void rig_wait_for_death(struct rig *rig, enum rig_program program)
{
    (void)wait_for_status(rig, program);
}

void rig_kill(struct rig *rig, enum rig_program program, int signal)
{
    ck_assert_int_gt(rig->pids[program], 0);
    (void)kill(rig->pids[program], signal);
    int status = wait_for_status(rig, program);
    /* A sanitizer's finding shows in the exit status of an orderly stop. */
    ck_assert_msg(signal != SIGTERM || (WIFEXITED(status) && WEXITSTATUS(status) == 0),
                  "%s stopped with status 0x%x", NAMES[program], (unsigned)status);
}

static void redirect(const struct rig *rig, enum rig_program program)
{
    char path[TEMP_PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/log/%s.log", rig->dir, NAMES[program]);
    int log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    (void)snprintf(path, sizeof path, "%s/pin", rig->dir);
    int input = open(program == RIG_HSM ? path : "/dev/null", O_RDONLY | O_CLOEXEC);
    if (dup2(input, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(126);
}

static void set_environment(const struct rig *rig, const char *crash_at)
{
    char path[TEMP_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/softhsm2.conf", rig->dir);
    (void)setenv("SOFTHSM2_CONF", path, 1);
    if (crash_at == NULL)
        return;
    (void)snprintf(path, sizeof path, "%s/crashed", rig->dir);
    (void)unlink(path);
    (void)setenv("PROVISIOND_CRASH_AT", crash_at, 1);
    (void)setenv("PROVISIOND_CRASH_ONCE", path, 1);
}

/* As systemd hands over a socket: descriptor 3, and two variables (sd_listen_fds(3)). */
static void hand_over_listener(const struct rig *rig)
{
    char pid[16];
    (void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
    (void)setenv("LISTEN_FDS", "1", 1);
    (void)setenv("LISTEN_PID", pid, 1);
    if (dup2(rig->listener, 3) < 0)
        _exit(126);
}

static void execute(const struct rig *rig, enum rig_program program)
{
    char binary[RIG_VALUE_MAX];
    (void)snprintf(binary, sizeof binary, "%s/%s", bin_dir(), NAMES[program]);
    if (program == RIG_HSM)
        (void)execl(binary, binary, "--config", rig->config, "--pin-fd", "0", NULL);
    if (program == RIG_API)
        hand_over_listener(rig);
    (void)execl(binary, binary, "--config", rig->config, NULL);
    _exit(127);
}

/* From the first restart on the port is ours: nobody else can take it while provisiond is down. */
static void keep_port(struct rig *rig)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    const int yes = 1;
    if (rig->listener >= 0)
        return;
    address.sin_port = htons((uint16_t)strtoul(strrchr(rig->url, ':') + 1, NULL, 10));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    rig->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(rig->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    ck_assert_int_eq(bind(rig->listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(rig->listener, 128), 0);
}

void rig_start(struct rig *rig, enum rig_program program, const char *crash_at)
{
    ck_assert_int_eq(rig->pids[program], 0);
    if (program == RIG_API)
        keep_port(rig);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        redirect(rig, program);
        set_environment(rig, crash_at);
        execute(rig, program);
    }
    rig->pids[program] = pid;
}

/* Says why, as an operator would find out. */
static void fail_unready(const struct rig *rig)
{
    (void)rig_shell(rig, "exec >&2; curl -s --max-time 5 --cacert $RIG_CA --cert $RIG_STATION_CERT "
                         "--key $RIG_STATION_KEY $RIG_URL/readyz; tail -n 6 $DIR/log/*.log");
    ck_abort_msg("the service does not become ready");
}

static bool is_ready(const struct rig *rig)
{
    struct http_answer answer;
    http_send(
        rig,
        &(struct http_request){.method = "GET", .path = "/readyz", .timeout_s = READY_TIMEOUT_S},
        &answer);
    long status = answer.status;
    http_answer_clear(&answer);
    return status == 200;
}

void rig_wait_ready(const struct rig *rig)
{
    deadline_ms deadline = deadline_in(START_TIMEOUT_MS);
    while (!is_ready(rig)) {
        if (deadline_left_ms(deadline) == 0)
            fail_unready(rig);
        (void)usleep(POLL_MS * 1000);
    }
}

int64_t rig_query(const struct rig *rig, const char *sql)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    ck_assert_int_eq(sqlite3_open_v2(rig->ledger, &database, SQLITE_OPEN_READWRITE, NULL),
                     SQLITE_OK);
    (void)sqlite3_busy_timeout(database, 5000);
    ck_assert_msg(sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s",
                  sql, sqlite3_errmsg(database));
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(database);
    return value;
}

/* ---- invariants ---- */

/* Each query counts what must not be. */
static const struct {
    const char *claim;
    const char *violations;
} INVARIANTS[] = {
    {"a device is charged once (per-device), an install at most once (per-license)",
     "SELECT count(*) FROM (SELECT 1 FROM charge WHERE policy = 1 GROUP BY product_id, device_id "
     "HAVING count(*) > 1) UNION ALL SELECT count(*) FROM charge WHERE id NOT IN "
     "(SELECT charge_id FROM install) ORDER BY 1 DESC"},
    {"every licensed device is charged",
     "SELECT count(*) FROM device WHERE id NOT IN (SELECT device_id FROM charge)"},
    {"used is the number of charges and at most the quota",
     "SELECT count(*) FROM product WHERE used > quota OR used <> "
     "(SELECT count(*) FROM charge WHERE product_id = product.id)"},
    {"every install has exactly one license leaf",
     "SELECT (SELECT count(*) FROM install) <> (SELECT count(*) FROM journal "
     "WHERE CAST(entry AS TEXT) LIKE '%\"type\":\"license-issued\"%')"},
    {"every attempt has its leaf",
     "SELECT (SELECT coalesce(sum(attempts), 0) FROM install) <> (SELECT count(*) FROM journal "
     "WHERE CAST(entry AS TEXT) LIKE '%\"type\":\"license-%issued\"%')"},
    {"the journal has no gap", "SELECT count(*) <> coalesce(max(idx) + 1, 0) FROM journal"},
    {"a unit's outcome is its newest install's, or scrapped",
     "SELECT count(*) FROM charge c WHERE result IS NOT (SELECT CASE WHEN max(n.result = 3) THEN 3 "
     "ELSE (SELECT m.result FROM install m WHERE m.charge_id = c.id ORDER BY m.id DESC LIMIT 1) "
     "END "
     "FROM install n WHERE n.charge_id = c.id)"},
    {"the account is in balance",
     "SELECT count(*) FROM product p WHERE quota <> accepted - revoked + scrap_drawn "
     "OR succeeded <> (SELECT count(*) FROM charge WHERE product_id = p.id AND result = 1) "
     "OR failed <> (SELECT count(*) FROM charge WHERE product_id = p.id AND result = 2) "
     "OR scrapped <> (SELECT count(*) FROM charge WHERE product_id = p.id AND result = 3) "
     "OR proven <> (SELECT count(*) FROM charge WHERE product_id = p.id AND is_proven = 1) "
     "OR scrap_drawn <> (SELECT count(*) FROM device WHERE product_id = p.id AND "
     "is_scrap_drawn = 1)"},
};

/* What an auditor would find, who has the export and the checkpoint key and nothing else. */
static void check_export(const struct rig *rig)
{
    ck_assert_msg(
        rig_shell(rig, "rm -f $DIR/last-export; exec >$DIR/last-verdict 2>&1; "
                       "$BIN/provctl --config $RIG_CONFIG journal export --out $DIR/last-export && "
                       "$BIN/provctl journal verify $DIR/last-export --key $RIG_CHECKPOINT_KEY || "
                       "exit 1") == 0 ||
            rig_shell(rig, "cat $DIR/last-verdict >&2") < 0,
        "the exported journal does not hold");
}

void rig_check_invariants(const struct rig *rig)
{
    for (size_t i = 0; i < sizeof INVARIANTS / sizeof INVARIANTS[0]; i++)
        ck_assert_msg(rig_query(rig, INVARIANTS[i].violations) == 0, "not so: %s",
                      INVARIANTS[i].claim);
    for (int i = 0; i < RIG_PROGRAMS; i++) {
        if (!rig_is_running(rig, (enum rig_program)i))
            return;
    }
    check_export(rig);
}
