/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The life of firmware keys with the real programs: rotated under load, cut off at each step,
 * beside an image that is being encrypted, with the HSM gone in the middle; destroyed; and needed
 * once more by a backup.
 */
#include "e2e/chip.h"
#include "e2e/floor.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "hsm/hsm_client.h"
#include "support/run.h"
#include "support/sizes.h"

#define WAIT_MS 20000

/* What the lines below have in common; HEX is the id of a product's key of a generation. */
#define HELPERS                                                                                   \
    "rotate() { ctl product rotate-key \"$@\" >$DIR/said 2>&1 || { cat $DIR/said; return 1; } "   \
    ">&2; }; "                                                                                    \
    "keys() { ctl hsm keys --json --product ${1:-rig-gateway}; }; "                               \
    "key() { keys $2 | jq -r \".keys[] | select(.generation == $1) | .id\"; }; "                  \
    "is_key() { test \"$(keys $3 | jq -r \".keys[] | select(.generation == $1) | \\\"\\(.state) " \
    "\\(.in_hsm)\\\"\")\" = \"$2\" || { keys $3 >&2; return 1; }; }; "                            \
    "destroy() { ctl product destroy-key rig-gateway $1 --no-backup-before ${2:-$(date -u "       \
    "+%%FT%%T.%%3NZ)} --yes >$DIR/said 2>&1; }; "                                                 \
    "key_pair() { openssl req -x509 -newkey rsa:2048 -nodes -keyout $DIR/backup.key -out "        \
    "$DIR/backup.pem -subj /CN=backup -days 9 >/dev/null 2>&1; }; "                               \
    "backup() { ctl backup --out \"$1\" --recipient $DIR/backup.pem >/dev/null; }; "              \
    "heads() { ctl status --json | jq -r '\"--anchor \" + .breach.anchor + \" --head \" + "       \
    ".breach.head'; }; "                                                                          \
    "await() { for i in $(seq 400); do eval \"$1\" && return; sleep 0.05; done; return 1; }; "

#define SHELL(...) \
    ck_assert_int_eq(rig_shell(&rig, ". $SOURCE/tests/e2e/maker.sh; " HELPERS __VA_ARGS__), 0)

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up_governed(&rig, 100000, 1000);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

/* ---- what every test asks ---- */

static int64_t generation_of(const char *product)
{
    char query[256];
    (void)snprintf(query, sizeof query,
                   "SELECT max(generation) FROM firmware_key k JOIN product p ON p.id = "
                   "k.product_id WHERE p.name = '%s'",
                   product);
    return rig_query(&rig, query);
}

/* No image is under a key that its product does not use. */
static void check_images(void)
{
    ck_assert_int_eq(
        rig_query(&rig, "SELECT count(*) FROM image i WHERE i.generation <> (SELECT "
                        "max(generation) FROM firmware_key k WHERE k.product_id = i.product_id)"),
        0);
}

static void restart(enum rig_program program, const char *crash_at)
{
    rig_kill(&rig, program, SIGTERM);
    SHELL("rm -f $DIR/crashed");
    rig_start(&rig, program, crash_at);
    rig_wait_ready(&rig);
}

/* The vault waits at that step until $DIR/crashed is removed. */
static void restart_to_wait(const char *crash_at)
{
    ck_assert_int_eq(setenv("PROVISIOND_CRASH_HOW", "wait", 1), 0);
    restart(RIG_VAULT, crash_at);
    (void)unsetenv("PROVISIOND_CRASH_HOW");
}

static void ask(const char *product, const struct floor_device *device, const char *image,
                struct http_answer *ret_answer)
{
    http_license_of(&rig, product, device->pem, image, ret_answer);
}

/* A license of a new device, which it opens to the firmware. */
static void license(const char *name, const char *image)
{
    struct floor_device device;
    struct http_answer answer;
    floor_device_make(&rig, name, NULL, &device);
    ask(rig.product, &device, image, &answer);
    ck_assert_msg(answer.status == 201, "%s: %ld %s", name, answer.status, answer.body);
    ck_assert_int_eq(floor_opens(&rig, http_text(&answer, "license"), name), 1);
    http_answer_clear(&answer);
}

/* ---- under load ---- */

#define LOAD_THREADS ((size_t)3)
#define LOAD_DEVICES ((size_t)40)

struct line {
    pthread_t thread;
    const char *product;
    size_t first;
    struct http_answer held[LOAD_DEVICES];
};

static struct floor_device devices[LOAD_THREADS * LOAD_DEVICES];
static atomic_bool is_over;
static atomic_long answers;

/* New devices first, then repeats: none is refused, and no license ever changes. */
static void *keep_asking(void *argument)
{
    struct line *line = argument;
    for (size_t n = 0; n < LOAD_DEVICES || !atomic_load(&is_over); n++) {
        size_t i = n % LOAD_DEVICES;
        struct http_answer answer;
        ask(line->product, &devices[line->first + i], NULL, &answer);
        ck_assert_msg(answer.status == (n < LOAD_DEVICES ? 201 : 200), "%s %zu: %ld %s",
                      line->product, n, answer.status, answer.body);
        atomic_fetch_add(&answers, 1);
        if (n < LOAD_DEVICES) {
            line->held[i] = answer;
            continue;
        }
        ck_assert_str_eq(http_text(&answer, "license"), http_text(&line->held[i], "license"));
        http_answer_clear(&answer);
    }
    return NULL;
}

START_TEST(rotation_under_load_costs_no_answer_and_changes_no_license)
{
    static struct line lines[LOAD_THREADS];
    size_t rotations = test_size("rotations under load", 3, 40);
    floor_devices_make(&rig, "load", LOAD_THREADS * LOAD_DEVICES, devices);
    for (size_t i = 0; i < LOAD_THREADS; i++) {
        lines[i].product = i % 2 == 0 ? rig.product : "rig-governed";
        lines[i].first = i * LOAD_DEVICES;
        ck_assert_int_eq(pthread_create(&lines[i].thread, NULL, keep_asking, &lines[i]), 0);
    }
    for (size_t i = 0; i < rotations; i++) {
        long before = atomic_load(&answers);
        SHELL("rotate rig-gateway && rotate rig-governed");
        while (atomic_load(&answers) < before + (long)LOAD_THREADS * 3)
            (void)usleep(1000);
    }
    atomic_store(&is_over, true);
    for (size_t i = 0; i < LOAD_THREADS; i++)
        (void)pthread_join(lines[i].thread, NULL);
    ck_assert_int_eq(generation_of("rig-gateway"), (int64_t)rotations + 1);
    ck_assert_int_eq(generation_of("rig-governed"), (int64_t)rotations + 1);
    check_images();
    for (size_t i = 0; i < LOAD_DEVICES; i += 17)
        ck_assert_int_eq(
            floor_opens(&rig, http_text(&lines[0].held[i], "license"), devices[i].name), 1);
    for (size_t i = 0; i < LOAD_THREADS * LOAD_DEVICES; i++)
        http_answer_clear(&lines[i / LOAD_DEVICES].held[i % LOAD_DEVICES]);
    /* A vault that starts anew believes in the generations that the leaves prove. */
    restart(RIG_VAULT, NULL);
    license("after", NULL);
    SHELL("usage_is rig-governed charged %zu && ctl product show rig-governed | grep -q ok",
          LOAD_DEVICES);
}
END_TEST

/* ---- a license that was on its way ---- */

struct late {
    struct floor_device device;
    struct http_answer answer;
};

static void *ask_late(void *argument)
{
    struct late *late = argument;
    ask(rig.product, &late->device, NULL, &late->answer);
    return NULL;
}

/* It has read its image before, and goes on after the end of the old key or of its use. */
static void license_across(const char *name, const char *meanwhile)
{
    static struct late late;
    pthread_t thread;
    floor_device_make(&rig, name, NULL, &late.device);
    restart_to_wait("vault.before-wrap");
    ck_assert_int_eq(pthread_create(&thread, NULL, ask_late, &late), 0);
    SHELL("await 'test -e $DIR/crashed' && rotate rig-gateway && %s rm $DIR/crashed", meanwhile);
    (void)pthread_join(thread, NULL);
    ck_assert_msg(late.answer.status == 201, "%s: %ld %s", name, late.answer.status,
                  late.answer.body);
    ck_assert_int_eq(floor_opens(&rig, http_text(&late.answer, "license"), name), 1);
    http_answer_clear(&late.answer);
}

START_TEST(license_that_read_the_old_rows_is_issued_all_the_same)
{
    license_across("retired", "");
    license_across("destroyed", "sleep 0.01 && destroy $(key 2) &&");
    ck_assert_int_eq(generation_of(rig.product), 3);
}
END_TEST

/* Sealed, and asked for in a batch, while its firmware key is rotated and destroyed. */
START_TEST(sealed_license_of_a_batch_follows_the_key_as_well)
{
    struct chip chip;
    char *certificate = NULL;
    chip_make(&rig, NULL, &chip);
    ck_assert_int_eq(base64_encode(chip_certificate(&chip), &certificate), ERR_OK);
    restart_to_wait("vault.before-wrap");
    SHELL("echo '{\"name\":\"chip\",\"device\":{\"st_certificate\":\"%s\"}}' >$DIR/lines && "
          "{ $BIN/provctl license batch --url $RIG_URL --ca $RIG_CA --cert $RIG_STATION_CERT --key "
          "$RIG_STATION_KEY --product rig-mcu --no-retry --out-dir $DIR $DIR/lines >$DIR/why 2>&1; "
          "echo $? >$DIR/ended; } & await 'test -e $DIR/crashed' && rotate rig-mcu && sleep 0.01 "
          "&& ctl product destroy-key rig-mcu $(key 1 rig-mcu) --yes --no-backup-before $(date -u "
          "+%%FT%%T.%%3NZ) >$DIR/said && rm $DIR/crashed && await 'test -s $DIR/ended' && test "
          "$(cat $DIR/ended) = 0 || { cat $DIR/why $DIR/said >&2; exit 1; }",
          certificate);
    free(certificate);
    chip_clear(&chip);
    ck_assert_int_eq(generation_of("rig-mcu"), 2);
}
END_TEST

/* ---- cut off ---- */

static const struct cut {
    const char *label;
    bool is_rotated; /* by then */
} CUTS[] = {
    {"vault.rotation-key", false},
    {"vault.rotation-rewrapped:1", false},
    {"vault.rotation-commit", false},
    {"vault.rotation-committed", true},
};

static void cut_rotation(const struct cut *cut, size_t n)
{
    char name[32];
    int64_t before = generation_of(rig.product);
    (void)snprintf(name, sizeof name, "cut-%zu", n);
    restart(RIG_VAULT, cut->label);
    SHELL("! ctl product rotate-key rig-gateway --generation %d >$DIR/said 2>&1", (int)before + 1);
    rig_wait_for_death(&rig, RIG_VAULT);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    check_images();
    ck_assert_msg(generation_of(rig.product) == before + cut->is_rotated, "%s", cut->label);
    license(name, NULL);
    SHELL("is_key %d '%s true' && rotate rig-gateway --generation %d", (int)before + 1,
          cut->is_rotated ? "in-use" : "prepared", (int)before + 1);
    ck_assert_int_eq(generation_of(rig.product), before + 1);
    check_images();
}

START_TEST(cut_off_at_each_step_it_is_finished_by_asking_again)
{
    for (size_t i = 0; i < sizeof CUTS / sizeof CUTS[0]; i++)
        cut_rotation(&CUTS[i], i);
    license("end", NULL);
}
END_TEST

START_TEST(hsm_that_is_gone_in_the_middle_leaves_the_old_key_and_the_rest_is_done_later)
{
    SHELL("head -c 1000 /dev/urandom >$DIR/more && for i in 1 2 3; do ctl image encrypt $DIR/more "
          "--product rig-gateway >/dev/null || exit 1; done");
    restart_to_wait("vault.rotation-rewrapped:2");
    SHELL("{ ctl product rotate-key rig-gateway >$DIR/said 2>&1; echo $? >$DIR/ended; } & "
          "await 'test -e $DIR/crashed'");
    /* One product at a time, also when its step has failed a moment ago. */
    SHELL("! ctl product rotate-key rig-governed >$DIR/why 2>&1 && grep -q 'rotated already' "
          "$DIR/why");
    rig_kill(&rig, RIG_HSM, SIGKILL);
    SHELL("rm $DIR/crashed && await 'test -e $DIR/ended' && "
          "test $(cat $DIR/ended) != 0 && ! ctl product rotate-key rig-governed >$DIR/why 2>&1 && "
          "grep -q 'let that be finished first' $DIR/why");
    ck_assert_int_eq(generation_of(rig.product), 1);
    check_images();
    rig_start(&rig, RIG_HSM, NULL);
    rig_wait_ready(&rig);
    SHELL("is_key 1 'in-use true' && is_key 2 'prepared true' && rotate rig-gateway && "
          "is_key 1 'retired true' && is_key 2 'in-use true'");
    check_images();
}
END_TEST

START_TEST(image_that_is_encrypted_meanwhile_goes_over_to_the_new_key)
{
    restart_to_wait("vault.before-image");
    SHELL("{ ctl image encrypt $RIG_FIRMWARE --product rig-gateway --label late >$DIR/image "
          "2>$DIR/why; echo $? >$DIR/ended; } & await 'test -e $DIR/crashed'");
    SHELL("rotate rig-gateway && rotate rig-gateway && rm $DIR/crashed && "
          "await 'test -s $DIR/ended' && test $(cat $DIR/ended) = 0 || { cat $DIR/why >&2; exit 1; "
          "}");
    ck_assert_int_eq(rig_query(&rig,
                               "SELECT generation FROM image WHERE label = 'late' AND product_id = "
                               "(SELECT id FROM product WHERE name = 'rig-gateway')"),
                     3);
    check_images();
    /* Its license opens to what was encrypted, and so does that of the image before it. */
    struct floor_device device;
    struct http_answer answer;
    floor_device_make(&rig, "late", NULL, &device);
    ask(rig.product, &device, NULL, &answer);
    ck_assert_int_eq(answer.status, 201);
    ck_assert_int_eq(floor_opens(&rig, http_text(&answer, "license"), "late"), 0);
    http_answer_clear(&answer);
    SHELL("cd $DIR && openssl cms -decrypt -binary -inform DER -in floor.lic -content "
          "vault/images/$(sed 's/sha256://' image) -inkey late.key -recip late.pem -out opened "
          "2>/dev/null && cmp opened $RIG_FIRMWARE");
    license("early", rig.image);
}
END_TEST

/* ---- many images ---- */

/* Rows as so many encryptions would have left them, with keys of the HSM. */
static void add_images(size_t count)
{
    char path[TEMP_PATH_MAX + 16];
    char sql[TEMP_PATH_MAX + 16];
    struct hsm_client *client = NULL;
    struct hsm_wrapped_key key;
    struct hsm_key_id id;
    struct fault fault = {0};
    const struct sha256 name = sha256_of(bytes_of("provisiond-fk:rig-gateway", 25));
    memcpy(id.bytes, name.bytes, sizeof id.bytes);
    (void)snprintf(path, sizeof path, "%s/run/hsm.sock", rig.dir);
    ck_assert_int_eq(hsm_client_new(path, &client), ERR_OK);
    (void)snprintf(sql, sizeof sql, "%s/images.sql", rig.dir);
    FILE *file = fopen(sql, "we");
    ck_assert_ptr_nonnull(file);
    (void)fputs("BEGIN;\n", file);
    for (size_t i = 0; i < count; i++) {
        char hex[2 * HSM_WRAPPED_KEY_MAX + 1];
        ck_assert_msg(hsm_generate_session_key(client, &id, 32, &key, &fault) == ERR_OK, "%s",
                      fault.reason);
        hex_encode(bytes_of(key.bytes, key.length), hex);
        (void)fprintf(file,
                      "INSERT INTO image (product_id, digest, size, label, session_key, iv, tag, "
                      "created_unix_ms, is_enabled) SELECT id, randomblob(32), 1, '', x'%s', "
                      "x'000000000000000000000000', zeroblob(16), 1, 0 FROM product WHERE name = "
                      "'rig-gateway';\n",
                      hex);
    }
    (void)fputs("COMMIT;\n", file);
    ck_assert_int_eq(fclose(file), 0);
    hsm_client_free(client);
    SHELL("sqlite3 -bail $RIG_LEDGER <$DIR/images.sql");
}

START_TEST(product_of_many_images_is_rotated_in_steps)
{
    size_t images = test_size("images of a product that is rotated", 3000, 60000);
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    add_images(images);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    SHELL("rotate rig-gateway --json && jq -e '.generation == 2 and .images == %zu' $DIR/said "
          ">/dev/null",
          images + 1);
    check_images();
    license("after", NULL);
    /* The journal knows one image only: whoever puts others into the ledger is found out. */
    SHELL("ctl journal export --out $DIR/export >/dev/null && ! $BIN/provctl journal verify "
          "$DIR/export --key $RIG_CHECKPOINT_KEY >$DIR/said 2>&1 && grep -q 'firmware-key-images' "
          "$DIR/said && grep -q 'Findings: 1$' $DIR/said");
    rig_kill(&rig, RIG_API, SIGTERM); /* so that the invariants do not judge it once more */
}
END_TEST

/* ---- the list and the end ---- */

START_TEST(the_list_says_of_each_key_what_it_is)
{
    SHELL("rotate rig-gateway && ctl hsm keys >$DIR/said && "
          "grep -qE '^ROLE +PRODUCT +GENERATION +ID +STATE +HSM +WEAK +IMAGES' $DIR/said && "
          "grep -qE '^checkpoint +- +1 +[0-9a-f]{64} +in use +yes +- +-' $DIR/said && "
          "grep -qE '^transport +- +- +[0-9a-f]{64} +in use +yes' $DIR/said && "
          "grep -qE '^firmware +rig-gateway +1 +[0-9a-f]{32} +retired since 20[^ ]+ +yes +- +-$' "
          "$DIR/said && "
          "grep -qE '^firmware +rig-gateway +2 +[0-9a-f]{32} +in use +yes +- +1$' $DIR/said && "
          "grep -qE '^firmware +rig-governed +1 +[0-9a-f]{32} +in use +yes' $DIR/said || "
          "{ cat $DIR/said >&2; exit 1; }");
    /* The identity is the one that was printed at the beginning. */
    SHELL("test $(ctl hsm keys --json | jq -r '.keys[0].id') = $RIG_HSM_ID && "
          "ctl hsm keys --json --product rig-gateway | jq -e '.keys | length == 2 and "
          ".[0].leaf > 0 and .[0].images == 0 and (.[0] | has(\"weak_attribute\") | not)' "
          ">/dev/null && ! ctl hsm keys --product nobody 2>/dev/null");
}
END_TEST

START_TEST(only_a_retired_key_that_no_backup_needs_is_destroyed)
{
    SHELL(
        "before=$(date -u +%%FT%%T.%%3NZ); sleep 0.01; "
        "! destroy $(key 1) && grep -q 'product uses this key' $DIR/said && "
        "rotate rig-gateway && sleep 0.01 && ! destroy $(key 2) && "
        "! destroy $(key 1) $before && grep -q 'later than the key' $DIR/said && "
        "! destroy $(key 1) 2999-01-01T00:00:00Z && "
        "! destroy $(key 1 rig-governed) && grep -q 'no firmware key of this product' $DIR/said "
        "&& ! destroy 00112233445566778899aabbccddeeff && "
        "! echo no | ctl product destroy-key rig-gateway $(key 1) --no-backup-before $(date -u "
        "+%%FT%%TZ) >$DIR/said 2>&1 && grep -q 'nothing was destroyed' $DIR/said && "
        "is_key 1 'retired true' && sleep 1 && "
        "echo destroy | ctl product destroy-key rig-gateway $(key 1) --no-backup-before $(date "
        "-u +%%FT%%TZ) >$DIR/said 2>&1 && is_key 1 'destroyed false' && is_key 2 'in-use true' && "
        "destroy $(key 1) || { cat $DIR/said >&2; exit 1; }");
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) LIKE "
                                     "'%\"firmware-key-destroyed\"%'"),
                     1);
    license("after", NULL);
}
END_TEST

static void cut_end(const char *label, const char *state)
{
    int generation = (int)generation_of(rig.product);
    SHELL("rotate rig-gateway");
    restart(RIG_VAULT, label);
    SHELL("! destroy $(key %d)", generation);
    rig_wait_for_death(&rig, RIG_VAULT);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    SHELL("is_key %d '%s' && destroy $(key %d) && is_key %d 'destroyed false'", generation, state,
          generation, generation);
}

START_TEST(destruction_that_is_cut_off_never_leaves_a_leaf_that_lies)
{
    cut_end("vault.before-destroy", "retired true");
    cut_end("vault.destroyed", "retired false");
    license("after", NULL);
}
END_TEST

/* ---- backups ---- */

static void wait_for_anchor(const char *word)
{
    deadline_ms deadline = deadline_in(WAIT_MS);
    while (rig_shell(&rig,
                     ". $SOURCE/tests/e2e/maker.sh; test \"$(ctl status --json | jq -r .anchor)\" "
                     "= %s",
                     word) != 0) {
        ck_assert_msg(deadline_left_ms(deadline) > 0, "the anchor is not %s", word);
        (void)usleep(50000);
    }
}

/* The ledger of the backup goes on. The HSM's programs start anew, as after a loss of the server.
 */
static void restore(const char *name)
{
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    SHELL("rm -rf $DIR/restored && $BIN/provctl restore --in $DIR/%s --key $DIR/backup.key --cert "
          "$DIR/backup.pem --to $DIR/restored --checkpoint-key $RIG_CHECKPOINT_KEY >/dev/null && "
          "rm -rf $RIG_LEDGER $RIG_LEDGER-wal $RIG_LEDGER-shm $DIR/vault/images && "
          "mv $DIR/restored/ledger.db $RIG_LEDGER && mv $DIR/restored/images $DIR/vault/images",
          name);
    rig_kill(&rig, RIG_HSM, SIGTERM);
    rig_start(&rig, RIG_HSM, NULL);
    rig_start(&rig, RIG_VAULT, NULL);
    wait_for_anchor("mismatch");
    /* Before the override nothing is destroyed or rotated: the restored ledger does not know. */
    SHELL(
        "! rotate rig-gateway 2>/dev/null && ! destroy $(key 1) && "
        "new_document yes --kind override $(heads) && sign yes officer-1 officer-3 && apply yes && "
        "ctl journal override $(heads) >/dev/null 2>&1");
    wait_for_anchor("ok");
    rig_wait_ready(&rig);
}

START_TEST(backup_from_before_a_rotation_goes_on_with_the_old_key_and_rotates_again)
{
    license("first", NULL);
    SHELL("key_pair && backup $DIR/site && rotate rig-gateway");
    license("lost", NULL);
    restore("site");
    ck_assert_int_eq(generation_of(rig.product), 1);
    license("again", NULL);
    SHELL("is_key 1 'in-use true' && is_key 2 'prepared true' && rotate rig-gateway && "
          "is_key 1 'retired true' && is_key 2 'in-use true' && ! ctl hsm keys --json | jq -e "
          "'.keys[] | select(.state == \"prepared\")' >/dev/null");
    check_images();
    license("after", NULL);
}
END_TEST

START_TEST(backup_whose_key_was_destroyed_is_refused_clearly)
{
    struct floor_device device;
    struct http_answer answer;
    floor_device_make(&rig, "new", NULL, &device);
    SHELL("key_pair && backup $DIR/site && rotate rig-gateway && sleep 0.01 && destroy $(key 1)");
    restore("site");
    ask(rig.product, &device, NULL, &answer);
    ck_assert_int_eq(answer.status, 503);
    ck_assert_str_eq(http_problem(&answer), "hsm-key-missing");
    http_answer_clear(&answer);
    SHELL("grep -q '\"event\":\"firmware-key-missing\"' $DIR/log/provision-vault.log && "
          "is_key 1 'in-use false' && ! ctl product rotate-key rig-gateway >$DIR/said 2>&1 && "
          "grep -q 'was destroyed' $DIR/said && grep -q 'newer backup' $DIR/said || { cat "
          "$DIR/said >&2; exit 1; }");
    ck_assert_int_eq(generation_of(rig.product), 1);
}
END_TEST

/* ---- a database that somebody edits ---- */

START_TEST(key_whose_rotation_the_journal_does_not_tell_is_not_used)
{
    struct floor_device device;
    struct http_answer answer;
    floor_device_make(&rig, "new", NULL, &device);
    SHELL("rotate rig-gateway");
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    SHELL("sqlite3 $RIG_LEDGER 'DROP TRIGGER firmware_key_retires; UPDATE firmware_key SET "
          "retired_leaf = 2 WHERE retired_leaf > 0'");
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    ask(rig.product, &device, NULL, &answer);
    ck_assert_str_eq(http_problem(&answer), "product-tampered");
    http_answer_clear(&answer);
    SHELL("! rotate rig-gateway 2>/dev/null && grep -q '\"reason\":\"firmware-key\"' "
          "$DIR/log/provision-vault.log");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        rotation_under_load_costs_no_answer_and_changes_no_license,
        license_that_read_the_old_rows_is_issued_all_the_same,
        sealed_license_of_a_batch_follows_the_key_as_well,
        cut_off_at_each_step_it_is_finished_by_asking_again,
        hsm_that_is_gone_in_the_middle_leaves_the_old_key_and_the_rest_is_done_later,
        image_that_is_encrypted_meanwhile_goes_over_to_the_new_key,
        product_of_many_images_is_rotated_in_steps,
        the_list_says_of_each_key_what_it_is,
        only_a_retired_key_that_no_backup_needs_is_destroyed,
        destruction_that_is_cut_off_never_leaves_a_leaf_that_lies,
        backup_from_before_a_rotation_goes_on_with_the_old_key_and_rotates_again,
        backup_whose_key_was_destroyed_is_refused_clearly,
        key_whose_rotation_the_journal_does_not_tell_is_not_used,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "firmware keys, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}
