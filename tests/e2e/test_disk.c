/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A ledger's disk that fills up: a warning, then nothing that takes room without need, while all
 * else goes on, then nothing that is written; and all of it again when there is room. A real file
 * system of 64 MiB, in mounts of the test's own: root may have them, others in a user namespace.
 */
#include "e2e/floor.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

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
    "[ $i -lt 100 ] || exit 1; sleep 0.1; done; }; "                                          \
    "nearly_full() { ctl \"$@\" >$DIR/said 2>&1; test $? = 20 && grep -q disk_reserve_mb "    \
    "$DIR/said || { echo \"$*\" >&2; cat $DIR/said >&2; exit 1; }; }; "

static struct rig rig;
static char small_disk[TEMP_PATH_MAX + 8];

static bool __attribute__((format(printf, 2, 3)))
put_text(const char *path, const char *format, ...)
{
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    bool is_put = file >= 0 && write(file, text, (size_t)length) == length;
    if (file >= 0)
        (void)close(file);
    return is_put;
}

/* Who is no root becomes, in a namespace of his own, himself with all rights over his mounts. */
static bool has_users_of_its_own(void)
{
    unsigned user = geteuid();
    unsigned group = getegid();
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           put_text("/proc/self/uid_map", "%u %u 1", user, user) &&
           put_text("/proc/self/setgroups", "deny") &&
           put_text("/proc/self/gid_map", "%u %u 1", group, group);
}

/* What is mounted from here on is gone with this process and those it starts. */
static void take_mounts_of_its_own(void)
{
    bool is_taken = (unshare(CLONE_NEWNS) == 0 || has_users_of_its_own()) &&
                    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    ck_assert_msg(is_taken, "This test mounts a small file system: run it as root, or let users "
                            "have namespaces (sysctl user.max_user_namespaces, "
                            "kernel.unprivileged_userns_clone, "
                            "kernel.apparmor_restrict_unprivileged_userns).");
}

static void mount_small(const char *folder, unsigned mib)
{
    char options[64];
    (void)snprintf(options, sizeof options, "size=%um,mode=700,uid=%u,gid=%u", mib, geteuid(),
                   getegid());
    ck_assert_msg(mount("small", folder, "tmpfs", 0, options) == 0,
                  "The small file system cannot be mounted: %m.");
}

static void mount_small_disk(void)
{
    (void)snprintf(small_disk, sizeof small_disk, "%s/vault", rig.dir);
    mount_small(small_disk, 64);
}

static void set_up(void)
{
    http_init();
    take_mounts_of_its_own();
    rig_up_governed(&rig, 100, 20);
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    ck_assert_int_eq(rig_shell(&rig, "cp -a $DIR/vault $DIR/saved"), 0);
    mount_small_disk();
    ck_assert_int_eq(rig_shell(&rig,
                               "cp -a $DIR/saved/. $DIR/vault/ && sed -i "
                               "'s/^\\[vault\\]$/[vault]\\ndisk_reserve_mb = 16/' $RIG_CONFIG"),
                     0);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    ck_assert_int_eq(rig_shell(&rig, "rm -rf $DIR/saved && cp -a $DIR/vault $DIR/saved"), 0);
    ck_assert_int_eq(umount2(small_disk, 0), 0);
    ck_assert_int_eq(rig_shell(&rig, "cp -a $DIR/saved/. $DIR/vault/"), 0);
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
    floor_devices_make(&rig, "disk", 6, devices);
    ask(&devices[0], 201, NULL);
    MAKER("ready 200 ok && ! ctl status | grep -q disk");
    /* Low: a warning everywhere, and licenses. */
    MAKER("left 24 && ready 200 disk-low && ctl status | grep -q disk-low && says disk-low && "
          "test $(ctl status --json | jq -r .disk) = disk-low");
    ask(&devices[1], 201, NULL);
    /* Nearly full: no new license; what was issued, outcomes and reads go on. */
    MAKER("left 8 && ready 503 disk-nearly-full && ctl status | grep -q disk-nearly-full");
    ask(&devices[2], 503, "disk-nearly-full");
    ask(&devices[0], 200, NULL);
    MAKER("usage_is rig-gateway charged 2 && "
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

/* ---- what takes room ---- */

static void prepare_changes(void)
{
    MAKER("for c in c d e; do openssl req -x509 -newkey rsa:2048 -nodes -keyout $DIR/$c.key -out "
          "$DIR/$c.pem -subj /CN=$c -days 9 2>/dev/null || exit 1; done; "
          "ctl station add spare --certificate $DIR/d.pem >/dev/null && "
          "ctl station key add spare --certificate $DIR/e.pem >/dev/null && "
          "new_document units --kind install --units 5 && sign units officer-1 officer-2 && "
          "new_document scrap --kind scrap --units 5 && sign scrap officer-1 officer-2 && "
          "new_document back --kind revoke --units 1 && sign back officer-1 officer-2 && "
          "new_document policy --kind policy --sequence 2 --profile cms --threshold 2 "
          "--authorities $RIG_AUTHORITIES --anchors $RIG_DEVICE_CA_CERT && sign policy officer-1 "
          "officer-2 && "
          "head -c 100000 /dev/urandom >$DIR/firmware && head -c 12000000 /dev/urandom "
          ">$DIR/large-firmware");
}

START_TEST(nothing_that_takes_room_is_taken_below_the_reserve)
{
    prepare_changes();
    MAKER("left 8 && ls -R $DIR/vault/images >$DIR/before && "
          "nearly_full image encrypt $DIR/firmware --product rig-gateway && "
          "ls -R $DIR/vault/images | cmp - $DIR/before && "
          "nearly_full product create other --anchors $RIG_DEVICE_CA_CERT --quota 5 && "
          "nearly_full quota add rig-gateway --units 5 && "
          "nearly_full station add more --certificate $DIR/c.pem && "
          "nearly_full station key add spare --certificate $DIR/c.pem");
    MAKER(
        "for d in units scrap policy; do nearly_full grant apply $RIG_MAKER_DIR/$d.p7s || exit 1; "
        "done; rest POST /v1/grants -H 'Content-Type: application/cms' --data-binary "
        "@$RIG_MAKER_DIR/units.p7s >$DIR/said && grep -q '503$' $DIR/said && "
        "grep -q '\"disk-nearly-full\"' $DIR/said");
    /* All of it again, when there is room: nothing was half done. */
    MAKER("rm $DIR/vault/filler && "
          "ctl image encrypt $DIR/firmware --product rig-gateway >/dev/null && "
          "ctl product create other --anchors $RIG_DEVICE_CA_CERT --quota 5 >/dev/null && "
          "ctl quota add rig-gateway --units 5 >/dev/null && "
          "ctl station add more --certificate $DIR/c.pem >/dev/null && "
          "apply units && apply scrap && apply policy");
}
END_TEST

/* Security never waits for room, and neither does the way to some. */
START_TEST(what_makes_safe_or_room_goes_on_below_the_reserve)
{
    prepare_changes();
    MAKER("image=$(ctl image list --product rig-gateway --json | jq -r '.images[0].image') && "
          "key=$(openssl x509 -in $DIR/d.pem -noout -pubkey | openssl pkey -pubin -outform DER | "
          "sha256sum | cut -c1-64) && left 8 && "
          "ctl station disable station-1 >/dev/null && ctl station enable station-1 >/dev/null && "
          "ctl station narrow spare --product rig-gateway >/dev/null && "
          "ctl image disable --product rig-gateway $image >/dev/null && "
          "ctl image enable --product rig-gateway $image >/dev/null && "
          "ctl station key remove spare $key >/dev/null && apply back && "
          "ctl status >/dev/null && verified && rm $DIR/vault/filler");
}
END_TEST

/* Not a byte of the reserve is for an image, also while there is more than the reserve. */
START_TEST(image_that_would_reach_the_reserve_is_refused_before_it_is_written)
{
    prepare_changes();
    MAKER("left 24 && ls -R $DIR/vault/images >$DIR/before && "
          "nearly_full image encrypt $DIR/large-firmware --product rig-gateway && "
          "ls -R $DIR/vault/images | cmp - $DIR/before && "
          "ctl image encrypt $DIR/firmware --product rig-gateway >/dev/null && "
          "rm $DIR/vault/filler && "
          "ctl image encrypt $DIR/large-firmware --product rig-gateway >/dev/null");
}
END_TEST

/* SoftHSM would say that it has made the key, and lose it with the process. */
START_TEST(token_gets_nothing_new_while_its_disk_is_full)
{
    char folder[TEMP_PATH_MAX + 16];
    (void)snprintf(folder, sizeof folder, "%s/hsm-state", rig.dir);
    MAKER("mkdir $DIR/hsm-state && sed -i \"s#^state = .*#state = $DIR/hsm-state#\" $RIG_CONFIG");
    mount_small(folder, 16);
    rig_kill(&rig, RIG_HSM, SIGTERM);
    rig_start(&rig, RIG_HSM, NULL);
    rig_wait_ready(&rig);
    MAKER("head -c 12000000 /dev/zero >$DIR/hsm-state/filler; keys() { ctl hsm keys --json | jq -r "
          "\".keys[] | select(.role == \\\"$1\\\") | .id\"; }; before=$(keys firmware); "
          "! ctl product rotate-key rig-gateway 2>$DIR/said && grep -q '8 MiB' $DIR/said && "
          "! ctl journal rotate-key $(keys checkpoint) 2>$DIR/said && grep -q '8 MiB' $DIR/said && "
          "test \"$before\" = \"$(keys firmware)\" && rm $DIR/hsm-state/filler && "
          "ctl journal rotate-key $(keys checkpoint) >/dev/null && "
          "ctl product rotate-key rig-gateway >/dev/null");
    ck_assert_int_eq(umount2(folder, MNT_DETACH), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        disk_that_fills_up_stops_new_licenses_first,
        nothing_that_takes_room_is_taken_below_the_reserve,
        what_makes_safe_or_room_goes_on_below_the_reserve,
        image_that_would_reach_the_reserve_is_refused_before_it_is_written,
        token_gets_nothing_new_while_its_disk_is_full,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "a full disk, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 180,
                                        .tests = tests});
}
