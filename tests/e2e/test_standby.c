/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two factories with an HSM each: session keys go from the one into the other, and devices open
 * with openssl what the standby licenses them for. What was altered, is for another HSM, or was
 * allowed by nobody, does not.
 */
#include "e2e/floor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/run.h"

/* $A and $B are provctl at the primary and at the standby, $IMAGES the primary's images. */
#define HELPERS                                                                                 \
    "A=\"$BIN/provctl --config $RIG_CONFIG\"; B=\"$BIN/provctl --config "                       \
    "$B_DIR/provisiond.conf\"; "                                                                \
    "IMAGES=$DIR/vault/images; "                                                                \
    "refuses() { word=$1; shift; ! \"$@\" >$DIR/said 2>&1 && grep -q \"$word\" $DIR/said || { " \
    "cat $DIR/said >&2; return 1; }; }; "                                                       \
    "add_standby() { $B hsm transport-key >$DIR/b.txt && $A standby add b --key $DIR/b.txt "    \
    ">/dev/null; }; "                                                                           \
    "export_keys() { rm -f $DIR/$1.keys; $A standby export $DIR/$1.keys --product $1; }; "      \
    "import_keys() { $B standby import $DIR/$1.keys --images $IMAGES; }; "                      \
    "b_id() { $B hsm transport-key --json | jq -r .$1; }; "                                     \
    "encrypt_more() { for n in $(seq $1); do $A image encrypt $RIG_FIRMWARE --product "         \
    "$RIG_PRODUCT --label 1.$n >/dev/null || return 1; done; }; "                               \
    "count_is() { test \"$($B image list --product $1 --json | jq '.images | length')\" = $2; }; "

#define SITES(...)                                                                               \
    ck_assert_int_eq(rig_shell(&primary,                                                         \
                               "B_DIR='%s'; . $SOURCE/tests/e2e/maker.sh; " HELPERS __VA_ARGS__, \
                               standby.dir),                                                     \
                     0)

static struct rig primary;
static struct rig standby;

static void set_up(void)
{
    http_init();
    rig_up_governed(&primary, 100, 20);
    rig_up(&standby, 60);
}

static void tear_down(void)
{
    rig_check_invariants(&primary);
    rig_check_invariants(&standby);
    rig_down(&primary);
    rig_down(&standby);
}

/* A device of the standby's factory gets a license there; openssl opens the primary's image. */
static void claim_opens(const char *product, const char *image, const char *image_file)
{
    struct floor_device device;
    struct http_answer answer;
    floor_device_make(&standby, "board", NULL, &device);
    http_license_of(&standby, product, device.pem, image, &answer);
    ck_assert_msg(answer.status == 201, "%ld %s", answer.status, answer.body);
    ck_assert_str_eq(http_text(&answer, "image"), image);
    ck_assert_int_eq(rig_shell(&standby,
                               "cd $DIR && echo '%s' | base64 -d >board.lic && openssl cms "
                               "-decrypt -binary -inform DER -in board.lic -content '%s' -inkey "
                               "board.key -recip board.pem -out opened && cmp opened '%s'",
                               http_text(&answer, "license"), image_file, primary.firmware),
                     0);
    http_answer_clear(&answer);
}

START_TEST(standby_licenses_what_the_primary_encrypted)
{
    SITES("add_standby && export_keys rig-gateway >$DIR/said && grep -q 'standby=b images=1 new=1' "
          "$DIR/said && import_keys rig-gateway >$DIR/said && grep -q 'images=1 new=1' $DIR/said");
    SITES("import_keys rig-gateway >$DIR/said && grep -q 'images=1 new=0' $DIR/said && count_is "
          "rig-gateway 2");
    claim_opens("rig-gateway", primary.image, primary.image_file);
    SITES("export_keys rig-mcu >/dev/null && import_keys rig-mcu >$DIR/said && grep -q 'images=1 "
          "new=1' $DIR/said && count_is rig-mcu 2");
    ck_assert_int_eq(rig_query(&standby, "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) "
                                         "LIKE '%\"session-keys-imported\"%'"),
                     2);
}
END_TEST

/* ---- other forms of content ---- */

/* Neither tag nor a nonce of 12 bytes. */
START_TEST(standby_licenses_an_image_in_cbc)
{
    char image[RIG_VALUE_MAX];
    char path[TEMP_PATH_MAX + RIG_VALUE_MAX];
    SITES(
        "add_standby && $A image encrypt $RIG_FIRMWARE --product rig-gateway --content aes-256-cbc "
        ">$DIR/cbc && export_keys rig-gateway >/dev/null && import_keys rig-gateway >$DIR/said && "
        "grep -q 'images=2 new=2' $DIR/said && count_is rig-gateway 3");
    (void)snprintf(path, sizeof path, "%s/cbc", primary.dir);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(image, sizeof image, file));
    (void)fclose(file);
    image[strcspn(image, "\n")] = '\0';
    (void)snprintf(path, sizeof path, "%s/vault/images/%s", primary.dir, image + strlen("sha256:"));
    claim_opens("rig-gateway", image, path);
}
END_TEST

/* SUIT's counter has an IV, MCUboot's has none; the two ledgers say the same of each. */
START_TEST(standby_takes_every_form_of_content)
{
    SITES(
        "make_both() { $A product create $1 --profile $2 --anchors $RIG_DEVICE_CA_CERT --quota 1 "
        "$3 >/dev/null && $B product create $1 --profile $2 --anchors $B_DIR/device-ca/ca.pem "
        "--quota 1 $3 >/dev/null; }; add_standby && make_both node suit '' && make_both boot "
        "mcuboot --allow-session-key-exposure && for c in aes-128-gcm aes-256-gcm aes-128-ctr; do "
        "$A image encrypt $RIG_FIRMWARE --product node --format suit --content $c >/dev/null || "
        "exit 1; done; openssl ecparam -name prime256v1 -genkey -noout >$DIR/sign.key && for n in "
        "4 8; do $SOURCE/rig/mcuboot.sh $DIR/sign.key $RIG_FIRMWARE $n $DIR/signed && $A image "
        "encrypt $DIR/signed --product boot --format mcuboot >/dev/null || exit 1; done");
    SITES(
        "for p in node boot; do export_keys $p >/dev/null && import_keys $p >/dev/null || exit 1; "
        "done; import_keys node >$DIR/said && grep -q 'images=3 new=0' $DIR/said");
    const struct rig *rigs[] = {&primary, &standby};
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(rig_query(rigs[i],
                                   "SELECT sum((content LIKE '%ctr') * 1000 + length(iv) + 100 * "
                                   "(length(tag) > 0)) FROM image WHERE product_id IN (SELECT id "
                                   "FROM product WHERE name IN ('node', 'boot'))"),
                         2000 + 12 + 12 + 16 + 200);
}
END_TEST

START_TEST(what_is_new_is_told_and_comes_over_with_its_name)
{
    SITES("add_standby && export_keys rig-gateway >/dev/null && encrypt_more 2 && $A standby list "
          "--json >$DIR/said && test $(jq '.products[] | select(.product == \"rig-gateway\") | "
          ".new' $DIR/said) = 2");
    SITES(
        "NEW=$($A image list --product rig-gateway --json | jq -r '.images[-1].image'); $A image "
        "alias $NEW stable --product rig-gateway >/dev/null && $A image disable $NEW --product "
        "rig-gateway >/dev/null && export_keys rig-gateway >$DIR/said && grep -q 'images=3 new=2' "
        "$DIR/said && import_keys rig-gateway >/dev/null && $B image list --product rig-gateway "
        "--json | jq -e --arg new $NEW '.images[] | select(.image == $new) | .alias == "
        "\"stable\" and .enabled == false' >/dev/null");
}
END_TEST

/* ---- the maker's say ---- */

START_TEST(governed_keys_go_where_the_maker_says_and_nowhere_else)
{
    SITES("add_standby && refuses 'no signed document names' export_keys rig-governed && test ! -e "
          "$DIR/rig-governed.keys");
    /* Another key, or another HSM, is not what was signed. */
    SITES("grant s2 --kind standby --sequence 2 --standby $(b_id hsm_identity) --transport-key "
          "$(printf %%064d 7) && grant s3 --kind standby --sequence 3 --standby $(printf %%064d 7) "
          "--transport-key $(b_id transport_key) && refuses 'no signed document names' "
          "export_keys rig-governed");
    SITES("grant s4 --kind standby --sequence 4 --standby $(b_id hsm_identity) --transport-key "
          "$(b_id transport_key) && export_keys rig-governed >/dev/null && verified --authorities "
          "$RIG_AUTHORITIES --threshold 2");
    SITES("grant s5 --kind standby --sequence 5 --withdraw --standby $(b_id hsm_identity) "
          "--transport-key $(b_id transport_key) && refuses 'no signed document names' "
          "export_keys rig-governed && verified --authorities $RIG_AUTHORITIES --threshold 2");
    /* It is judged the same after a restart. */
    rig_kill(&primary, RIG_VAULT, SIGTERM);
    rig_start(&primary, RIG_VAULT, NULL);
    rig_wait_ready(&primary);
    SITES("refuses 'no signed document names' export_keys rig-governed");
}
END_TEST

/* Units do not move with the keys: the standby's product has its own documents, for its own HSM. */
START_TEST(standby_serves_a_governed_product_by_its_own_documents)
{
    SITES("add_standby && grant s2 --kind standby --sequence 2 --standby $(b_id hsm_identity) "
          "--transport-key $(b_id transport_key) && export_keys rig-governed >/dev/null && refuses "
          "'no product of this name' import_keys rig-governed");
    /* With anchors and units of whoever administers the standby, or his own authorities. */
    SITES("$B product create claimed --anchors $B_DIR/device-ca/ca.pem --quota 9 >/dev/null && "
          "$A standby export $DIR/claimed.keys --product rig-governed >/dev/null && sed "
          "'s/\"rig-governed\"/\"claimed\"/' $DIR/claimed.keys | head -n -1 >$DIR/body && { cat "
          "$DIR/body; sha256sum <$DIR/body | cut -c -64; } >$DIR/claimed.keys && refuses 'maker "
          "governs' import_keys claimed && sed -i 's/\"authorities\":\"[0-9a-f]*\",//' $DIR/body "
          "&& { cat $DIR/body; sha256sum <$DIR/body | cut -c -64; } >$DIR/claimed.keys && refuses "
          "'does not open' import_keys claimed && count_is claimed 0");
    SITES("for_b() { name=$1; shift; new_document $name --hsm $(b_id hsm_identity) \"$@\" && sign "
          "$name officer-1 officer-2 && $B grant apply $RIG_MAKER_DIR/$name.p7s >/dev/null; }; "
          "for_b p1 --kind policy --sequence 1 --profile cms --anchors $B_DIR/device-ca/ca.pem "
          "--authorities $RIG_AUTHORITIES --threshold 2 && for_b i1 --kind install --units 3 && "
          "import_keys rig-governed >/dev/null");
    char image[RIG_VALUE_MAX];
    char image_file[RIG_VALUE_MAX];
    rig_value(&primary, "RIG_GOVERNED_IMAGE", image);
    rig_value(&primary, "RIG_GOVERNED_IMAGE_FILE", image_file);
    claim_opens("rig-governed", image, image_file);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(keys_open_for_what_they_were_exported_for_alone)
{
    SITES(
        "add_standby && encrypt_more 1 && export_keys rig-gateway >/dev/null && mkdir $DIR/spoilt "
        "&& python3 $SOURCE/tests/e2e/spoil_keys.py $DIR/rig-gateway.keys $DIR/spoilt && test "
        "$(ls $DIR/spoilt | wc -l) = 14 && cmp $DIR/spoilt/same $DIR/rig-gateway.keys && for f in "
        "$DIR/spoilt/header-* $DIR/spoilt/image-*; do refuses 'does not open' $B standby import "
        "$f --images $IMAGES || exit 1; done && count_is rig-gateway 1");
    SITES("$B standby import $DIR/spoilt/same --images $IMAGES >/dev/null && count_is rig-gateway "
          "3");
    SITES("$B status --json >$DIR/said && jq -e '.workers_ready == .workers_total and "
          ".workers_total > 0' $DIR/said >/dev/null");
}
END_TEST

START_TEST(each_refusal_says_why)
{
    SITES("add_standby && export_keys rig-gateway >/dev/null && refuses 'another HSM than this' $A "
          "standby import $DIR/rig-gateway.keys --images $IMAGES");
    SITES("refuses 'neither in the image store' $B standby import $DIR/rig-gateway.keys && mkdir "
          "$DIR/bad && refuses 'neither in the image store' $B standby import "
          "$DIR/rig-gateway.keys --images $DIR/bad");
    SITES("name=${RIG_IMAGE#sha256:}; cp $IMAGES/$name $DIR/bad/$name && printf x >>$DIR/bad/$name "
          "&& refuses 'not of the size' $B standby import $DIR/rig-gateway.keys --images $DIR/bad "
          "&& cp $IMAGES/$name $DIR/bad/$name && printf x | dd of=$DIR/bad/$name conv=notrunc "
          "2>/dev/null && refuses 'another content' $B standby import $DIR/rig-gateway.keys "
          "--images $DIR/bad && test ! -e $B_DIR/vault/images/$name");
    SITES("head -c 300 $DIR/rig-gateway.keys >$DIR/cut && refuses 'cut off' $B standby import "
          "$DIR/cut && head -c 100000 /dev/zero >$DIR/zero && refuses 'no file of session keys' $B "
          "standby import $DIR/zero && refuses 'no file of session keys' $B standby import "
          "/dev/zero");
    SITES("refuses 'no standby HSM of this name' $A standby export $DIR/x --product rig-gateway "
          "--to nobody && refuses 'no product of this name' $A standby export $DIR/x --product "
          "nobody && $A standby remove b >/dev/null && refuses 'no standby HSM' $A standby export "
          "$DIR/x --product rig-gateway && test ! -e $DIR/x");
    SITES("$A hsm transport-key >$DIR/a.txt && refuses 'HSM of this server' $A standby add a --key "
          "$DIR/a.txt && openssl ecparam -name secp384r1 -genkey -noout | openssl pkey -pubout "
          ">$DIR/p384 && refuses 'public key on P-256' $A standby add c --key $DIR/p384 --identity "
          "$(printf %%064d 7) && sed '2s/: .*/: '$(printf %%064d 7)'/' $DIR/b.txt >$DIR/b2.txt && "
          "refuses 'was changed' $A standby add c --key $DIR/b2.txt");
    ck_assert_int_eq(rig_query(&standby, "SELECT count(*) FROM image"), 2);
}
END_TEST

START_TEST(import_that_was_cut_goes_on)
{
    SITES(
        "add_standby && encrypt_more 5 && export_keys rig-gateway >/dev/null && mkdir $DIR/few && "
        "cp $IMAGES/* $DIR/few && rm $DIR/few/$($A image list --product rig-gateway --json | jq "
        "-r '.images[3].image' | cut -c 8-) && refuses 'neither in the image store' $B standby "
        "import $DIR/rig-gateway.keys --images $DIR/few && count_is rig-gateway 4 && "
        "import_keys rig-gateway >$DIR/said && grep -q 'images=6 new=3' $DIR/said && count_is "
        "rig-gateway 7");
    SITES("export_keys rig-mcu >/dev/null");
    rig_kill(&standby, RIG_VAULT, SIGKILL);
    SITES("! import_keys rig-mcu 2>/dev/null");
    rig_start(&standby, RIG_VAULT, NULL);
    rig_wait_ready(&standby);
    SITES("import_keys rig-mcu >$DIR/said && grep -q 'images=1 new=1' $DIR/said");
}
END_TEST

/* Each time a key has come in, and the standby's own firmware key is rotated before its row is
 * written: first of a new image, then of one that is there. */
START_TEST(import_goes_on_when_the_standbys_firmware_key_is_rotated_meanwhile)
{
    SITES("add_standby && export_keys rig-gateway >/dev/null");
    for (int is_there = 0; is_there < 2; is_there++) {
        ck_assert_int_eq(setenv("PROVISIOND_CRASH_HOW", "wait", 1), 0);
        rig_kill(&standby, RIG_VAULT, SIGKILL);
        rig_start(&standby, RIG_VAULT, "vault.before-import");
        (void)unsetenv("PROVISIOND_CRASH_HOW");
        rig_wait_ready(&standby);
        SITES("{ import_keys rig-gateway >$DIR/said 2>&1; echo $? >$DIR/ended; } & "
              "await() { for i in $(seq 400); do test $1 $2 && return; sleep 0.05; done; return "
              "1; }; await -e $B_DIR/crashed && $B product rotate-key rig-gateway >/dev/null && "
              "rm $B_DIR/crashed && await -s $DIR/ended && test $(cat $DIR/ended) = 0 && "
              "rm $DIR/ended || { cat $DIR/said >&2; exit 1; }");
    }
    SITES("count_is rig-gateway 2");
    claim_opens("rig-gateway", primary.image, primary.image_file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("standby");
    TCase *tests = tcase_create("standby");
    tcase_set_timeout(tests, 300);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, standby_licenses_what_the_primary_encrypted);
    tcase_add_test(tests, standby_licenses_an_image_in_cbc);
    tcase_add_test(tests, standby_takes_every_form_of_content);
    tcase_add_test(tests, what_is_new_is_told_and_comes_over_with_its_name);
    tcase_add_test(tests, governed_keys_go_where_the_maker_says_and_nowhere_else);
    tcase_add_test(tests, standby_serves_a_governed_product_by_its_own_documents);
    tcase_add_test(tests, keys_open_for_what_they_were_exported_for_alone);
    tcase_add_test(tests, each_refusal_says_why);
    tcase_add_test(tests, import_that_was_cut_goes_on);
    tcase_add_test(tests, import_goes_on_when_the_standbys_firmware_key_is_rotated_meanwhile);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
