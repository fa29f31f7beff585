/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Packages that were made at home and are not what the site expects: for another HSM, for another
 * product, altered, cut off, longer, given twice. None brings an image in, and each says why. What
 * provctl image seal itself refuses, too. That good ones open is told in test_profiles.c.
 */
#include "e2e/floor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/run.h"

/* At home, in a folder with nothing of the rig in it: key is the site's, firmware the maker's. */
#define HELPERS                                                                                 \
    "cd $DIR; A=\"$BIN/provctl --config $RIG_CONFIG\"; mkdir -p home; "                         \
    "test -s home/key || { $A hsm transport-key >home/key; cp $RIG_FIRMWARE home/firmware; }; " \
    "seal() { (cd home && env -i $BIN/provctl image seal \"$@\" 2>told) || { cat home/told "    \
    ">&2; return 1; }; }; "                                                                     \
    "pack() { rm -f home/$1; seal --transport-key key --product rig-gateway --out $1 firmware " \
    ">/dev/null; }; "                                                                           \
    "import() { $A image import home/$1 --product ${2:-rig-gateway}; }; "                       \
    "refuses() { word=$1; shift; ! \"$@\" >said 2>&1 && grep -q -e \"$word\" said || { "        \
    "cat said >&2; return 1; }; }; "                                                            \
    "images() { $A image list --product rig-gateway --json | jq '.images | length'; }; "

#define SHELL(...) ck_assert_int_eq(rig_shell(&rig, HELPERS __VA_ARGS__), 0)

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up_governed(&rig, 20, 20);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

START_TEST(package_comes_in_once)
{
    SHELL("pack p && import p >first && test $(images) = 2 && import p >second 2>said && cmp first "
          "second && grep -q 'there already' said && test $(images) = 2");
    SHELL("import p --json >/dev/null 2>&1; $A image import home/p --product rig-gateway --json | "
          "jq -e '.new == false' >/dev/null");
    /* What was done to the image meanwhile stays. */
    SHELL("$A image disable $(cat first) --product rig-gateway >/dev/null && import p >/dev/null "
          "2>&1 && $A image list --product rig-gateway --json | jq -e '.images[-1].enabled == "
          "false' >/dev/null");
    SHELL("test sha256:$(tail -n +4 home/p | sha256sum | cut -c -64) = $(cat first)");
}
END_TEST

/* The image again from the same firmware is another image: key and nonce are fresh. */
START_TEST(each_package_has_a_key_and_a_nonce_of_its_own)
{
    SHELL("pack p && pack q && for f in p q; do sed -n 2p home/$f | jq -r '.iv, .key, .point, "
          ".image' >>all; done; test $(sort -u all | wc -l) = 8 && import p >/dev/null && import q "
          ">/dev/null && test $(images) = 3");
}
END_TEST

START_TEST(package_for_another_product_is_refused)
{
    SHELL("pack p && refuses 'another product' import p rig-cms && refuses 'another product' "
          "import p nobody");
    /* Also by somebody who edits the head: the key is bound to the product. */
    SHELL("$A product create twin --anchors $RIG_DEVICE_CA_CERT --quota 1 >/dev/null && python3 "
          "$SOURCE/tests/e2e/spoil_package.py home/p home/spoilt && refuses 'does not open' import "
          "spoilt/product twin && test $($A image list --product twin --json | jq '.images | "
          "length') = 0");
}
END_TEST

START_TEST(every_altered_member_is_refused)
{
    SHELL("pack p && python3 $SOURCE/tests/e2e/spoil_package.py home/p home/spoilt && cmp "
          "home/spoilt/same home/p && test $(ls home/spoilt | wc -l) = 14");
    SHELL("for f in image label iv tag made_unix_ms key point; do refuses 'does not open' import "
          "spoilt/$f || { echo $f >&2; exit 1; }; done; refuses 'another transport key' import "
          "spoilt/transport_key && refuses 'license profile' import spoilt/profile && refuses "
          "'license profile' import spoilt/content && refuses 'maker governs' import "
          "spoilt/authorities && refuses 'bytes behind its head' import "
          "spoilt/size && test $(images) = 1");
    SHELL("import spoilt/same >/dev/null && test $(images) = 2 && $A status --json | jq -e "
          "'.workers_ready == .workers_total and .workers_total > 0' >/dev/null");
}
END_TEST

START_TEST(cut_long_and_foreign_files_are_refused)
{
    SHELL(
        "pack p && size=$(stat -c %%s home/p) && for n in 0 1 20 26 27 300 700 $((size - 1)); do "
        "head -c $n home/p >home/cut && refuses 'cut off' import cut || { echo $n >&2; exit 1; }; "
        "done");
    SHELL("cp home/p home/long && printf x >>home/long && refuses 'goes on' import long");
    /* One bit of the image, of the head, of the head's digest. */
    SHELL("flip() { cp home/p home/bad && python3 -c \"f = open('home/bad', 'r+b'); f.seek($1); b "
          "= f.read(1)[0] ^ 1; f.seek($1); f.write(bytes([b]))\"; }; "
          "flip $(($(stat -c %%s home/p) - 9)) && refuses 'another content' import bad && flip 200 "
          "&& refuses 'not as it was written' import bad && flip 3 && refuses 'no package' import "
          "bad");
    SHELL("refuses 'no package' import firmware && refuses 'not a plain file' $A image import "
          "/dev/zero --product rig-gateway && truncate -s 5G home/huge && refuses 'no package' "
          "import huge && refuses 'cannot be read' import none");
    /* A head that promises 5 GiB, with a sparse file behind it. */
    SHELL(
        "python3 $SOURCE/tests/e2e/spoil_package.py home/p home/spoilt size 5368709120 && truncate "
        "-s $((5368709120 + $(head -n 3 home/spoilt/size | wc -c))) home/spoilt/size && refuses "
        "'at most 4 GiB' import spoilt/size && test $(images) = 1");
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM image"), 3);
}
END_TEST

START_TEST(package_for_another_hsm_is_refused)
{
    SHELL(
        "(cd home && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null | "
        "openssl pkey -pubout >other) && seal --transport-key other --product rig-gateway --out "
        "foreign firmware >/dev/null && refuses 'another transport key' import foreign");
    /* Also when the head says that it is for this one. */
    SHELL("pack p && python3 $SOURCE/tests/e2e/spoil_package.py home/foreign home/spoilt "
          "transport_key $(sed -n 2p home/p | jq -r .transport_key) && refuses 'does not open' "
          "import spoilt/transport_key && test $(images) = 1");
}
END_TEST

START_TEST(seal_refuses_what_no_site_could_use)
{
    SHELL(
        "K='--transport-key key --product rig-gateway --out x'; "
        "refuses 'option-bytes' seal $K --format st-sfi firmware && refuses 'format is' seal $K "
        "--format "
        "none firmware && refuses 'form of content' seal $K --content aes-128-ctr firmware && "
        "refuses 'MCUboot' seal $K --format mcuboot firmware && refuses 'empty' seal $K /dev/null "
        "&& refuses 'cannot be read' seal $K nothing && test ! -e home/x");
    SHELL(
        "echo a note >home/note && refuses 'replace a file' seal --transport-key key --product p "
        "--out firmware firmware && "
        "refuses 'name of a file' seal --transport-key key --product p --out - firmware && refuses "
        "'public key' seal --transport-key note --product p --out x firmware && (cd home && "
        "openssl ecparam -name secp384r1 -genkey -noout | openssl pkey -pubout >p384) && refuses "
        "'P-256' seal --transport-key p384 --product p --out x firmware && sed '2s/: .*/: "
        "'$(printf %%064d 7)'/' home/key >home/changed && refuses 'was changed' seal "
        "--transport-key changed --product p --out x firmware && test ! -e home/x && test "
        "$(ls -A home | wc -l) = 6");
}
END_TEST

/* Who administers the site can make a product of that name, with devices and units of his own. */
START_TEST(package_for_a_governed_product_is_no_local_ones)
{
    SHELL("gov() { rm -f home/g; cp $RIG_AUTHORITIES home/authorities; seal --transport-key key "
          "--product $1 --authorities authorities --threshold $2 --out g firmware >/dev/null; }; "
          "$A product create claimed --anchors $RIG_DEVICE_CA_CERT --quota 9 >/dev/null && "
          "gov claimed 2 && refuses 'maker governs' import g claimed && python3 "
          "$SOURCE/tests/e2e/spoil_package.py home/g home/spoilt && refuses 'does not open' import "
          "spoilt/authorities claimed && gov rig-governed 1 && refuses 'maker governs' import g "
          "rig-governed && gov rig-governed 2 && import g rig-governed >/dev/null && test $($A "
          "image list --product claimed --json | jq '.images | length') = 0");
    SHELL("refuses 'belong together' seal --transport-key key --product p --threshold 2 --out x "
          "firmware");
}
END_TEST

/* Its units and rules are the maker's as ever; the journal verifies with his authorities. */
START_TEST(package_for_a_governed_product_opens_at_a_device)
{
    struct floor_device device;
    struct http_answer answer;
    char image[RIG_VALUE_MAX];
    char path[TEMP_PATH_MAX + 8];
    SHELL("cp $RIG_AUTHORITIES home/authorities && seal --transport-key key --product rig-governed "
          "--authorities authorities --threshold 2 --out g firmware >/dev/null && import g "
          "rig-governed >digest");
    (void)snprintf(path, sizeof path, "%s/digest", rig.dir);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(image, sizeof image, file));
    (void)fclose(file);
    image[strcspn(image, "\n")] = '\0';
    floor_device_make(&rig, "board", NULL, &device);
    http_license_of(&rig, "rig-governed", device.pem, image, &answer);
    ck_assert_msg(answer.status == 201, "%ld %s", answer.status, answer.body);
    SHELL(
        "echo '%s' | base64 -d >lic && tail -n +4 home/g >content && openssl cms -decrypt -binary "
        "-inform DER -in lic -content content -inkey board.key -recip board.pem -out opened && "
        "cmp opened home/firmware && . $SOURCE/tests/e2e/maker.sh && verified --authorities "
        "$RIG_AUTHORITIES --threshold 2",
        http_text(&answer, "license"));
    http_answer_clear(&answer);
}
END_TEST

/* A cut between the key and the row leaves no image, and the package comes in afterwards. */
START_TEST(import_that_was_cut_is_given_again)
{
    SHELL("pack p");
    rig_kill(&rig, RIG_VAULT, SIGKILL);
    rig_start(&rig, RIG_VAULT, "vault.before-import");
    rig_wait_ready(&rig);
    SHELL("! import p >/dev/null 2>&1");
    rig_wait_for_death(&rig, RIG_VAULT);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    SHELL("test $(images) = 1 && import p >/dev/null && test $(images) = 2");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        package_comes_in_once,
        each_package_has_a_key_and_a_nonce_of_its_own,
        package_for_another_product_is_refused,
        every_altered_member_is_refused,
        cut_long_and_foreign_files_are_refused,
        package_for_another_hsm_is_refused,
        seal_refuses_what_no_site_could_use,
        package_for_a_governed_product_is_no_local_ones,
        package_for_a_governed_product_opens_at_a_device,
        import_that_was_cut_is_given_again,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "sealed",
                                        .timeout_s = 300,
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .tests = tests});
}
