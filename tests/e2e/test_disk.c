/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A ledger's disk that fills up: a warning, then no new licenses while all else goes on, then
 * nothing that is written; and all of it again when there is room. A real file system of 64 MiB,
 * which only root can mount.
 */
#include "e2e/floor.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "support/run.h"

#define MAKER(...) \
    ck_assert_int_eq(rig_shell(&rig, ". $SOURCE/tests/e2e/maker.sh; " HELPERS __VA_ARGS__), 0)

/* left MIB: so much is free from now on. */
#define HELPERS                                                                               \
    "left() { rm -f $DIR/vault/filler; have=$(df --output=avail -k $DIR/vault | tail -n 1); " \
    "fallocate -l $((have - $1 * 1024))k $DIR/vault/filler; }; "                              \
    "ready() { rest GET /readyz > $DIR/ready && grep -q \"\\\"ledger\\\":\\\"$2\\\"\" "       \
    "$DIR/ready && grep -q \"$1\\$\" $DIR/ready || { cat $DIR/ready; exit 1; }; }; "          \
    "says() { i=0; until grep -q \"$1\" $DIR/log/provision-vault.log; do i=$((i+1)); "        \
    "[ $i -lt 100 ] || exit 1; sleep 0.1; done; }; "

static struct rig rig;
static bool is_mounted;

/* What is mounted from here on is gone with this process and those it starts. */
static bool has_mounts_of_its_own(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void set_up(void)
{
    http_init();
    rig_up_governed(&rig, 100, 20);
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    is_mounted =
        has_mounts_of_its_own() &&
        rig_shell(&rig, "cp -a $DIR/vault $DIR/saved && mount -t tmpfs -o size=64m,mode=700 "
                        "small $DIR/vault && cp -a $DIR/saved/. $DIR/vault/ && sed -i "
                        "'s/^\\[vault\\]$/[vault]\\ndisk_reserve_mb = 16/' $RIG_CONFIG") == 0;
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    if (is_mounted)
        ck_assert_int_eq(rig_shell(&rig, "rm -rf $DIR/saved && cp -a $DIR/vault $DIR/saved && "
                                         "umount $DIR/vault && cp -a $DIR/saved/. $DIR/vault/"),
                         0);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    rig_down(&rig);
}

static void ask(const struct floor_device *device, long status, const char *check)
{
    struct http_answer answer;
    http_license_of(&rig, "rig-gateway", device->pem, NULL, &answer);
    ck_assert_msg(answer.status == status, "%s: %ld %s", device->name, answer.status, answer.body);
    if (check != NULL)
        ck_assert_str_eq(http_text(&answer, "check"), check);
    http_answer_clear(&answer);
}

START_TEST(disk_that_fills_up_stops_new_licenses_first)
{
    struct floor_device devices[6];
    if (!is_mounted)
        return; /* the reserve itself is tested in test_ledger_room */
    floor_devices_make(&rig, "disk", 6, devices);
    ask(&devices[0], 201, NULL);
    MAKER("ready 200 ok && ! ctl status | grep -q disk");
    /* Low: a warning everywhere, and licenses. */
    MAKER("left 24 && ready 200 disk-low && ctl status | grep -q disk-low && says disk-low && "
          "test $(ctl status --json | jq -r .disk) = disk-low");
    ask(&devices[1], 201, NULL);
    /* Nearly full: no new license; what was issued, outcomes, grants and reads go on. */
    MAKER("left 8 && ready 503 disk-nearly-full && ctl status | grep -q disk-nearly-full");
    ask(&devices[2], 503, "disk-nearly-full");
    ask(&devices[0], 200, NULL);
    MAKER("grant more --kind install --units 5 && usage_is rig-gateway charged 2 && "
          "as() { $BIN/provctl \"$@\" --url $RIG_URL --ca $RIG_CA --cert $RIG_STATION_CERT --key "
          "$RIG_STATION_KEY; }; id=$(as install list --limit 1 --json | jq -r "
          "'.installs[0].install_id') && as outcome $id succeeded >/dev/null && "
          "usage_is rig-gateway succeeded 1");
    MAKER("openssl req -x509 -newkey rsa:2048 -nodes -keyout $DIR/b.key -out $DIR/b.pem -subj "
          "/CN=b -days 9 2>/dev/null; left 16 && "
          "! ctl backup --out $DIR/b --recipient $DIR/b.pem 2>$DIR/said && "
          "grep -q 'make room' $DIR/said && test ! -e $DIR/b");
    /* Full: a clear refusal, and no program ends. */
    MAKER("left 0");
    ask(&devices[3], 503, "disk-nearly-full");
    for (int i = 0; i < RIG_PROGRAMS; i++)
        ck_assert(rig_is_running(&rig, (enum rig_program)i));
    /* Room again: service comes back by itself. */
    MAKER("rm $DIR/vault/filler && ready 200 ok && ! ctl status | grep -q disk");
    ask(&devices[3], 201, NULL);
    ask(&devices[0], 200, NULL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {disk_that_fills_up_stops_new_licenses_first, NULL};
    return run_suite(&(struct run_case){.name = "a full disk, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 180,
                                        .tests = tests});
}
