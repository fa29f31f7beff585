/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Devices without certificates: lists that python3-cryptography and openssl sign, licenses that
 * jose and python3-cryptography open, and what must not be taken (lists.sh has the words).
 */
#include <signal.h>

#include "support/http.h"
#include "support/rig.h"
#include "support/run.h"
#include "support/sizes.h"

static struct rig rig;
static const char *product; /* of the present case; sensors is one for all */

#define LISTS(script) \
    ck_assert_int_eq(rig_shell(&rig, "P=%s; . $SOURCE/tests/e2e/lists.sh && " script, product), 0)

static void begin(const char *name)
{
    product = name;
    LISTS("product $P jwe --anchors maker.pem");
}

static void set_up(void)
{
    http_init();
    product = "";
    rig_up_governed(&rig, 20, 10);
    LISTS("key maker && key other && openssl req -x509 -new -key maker.key -subj /CN=signer "
          "-days 3 -out maker.pem && product sensors suit --anchors maker.pub");
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

static void devices_of_a_plain_list_get_licenses_that_jose_opens(void)
{
    begin("plain");
    LISTS("key a && key b && make_list plain $P list A-1=a.pub B-2=b.pub && sign list maker && "
          "ctl device allow $P list --signature list.sig >said && "
          "license $P a && license $P b && opens $P jwe a && opens $P jwe b");
    LISTS("cp b.key mine && cp a.key b.key && ! opens $P jwe b");
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM device WHERE serial IN ('A-1', 'B-2')"),
                     2);
}

static void devices_of_a_manifest_get_licenses_that_cose_libraries_open(void)
{
    product = "sensors";
    LISTS("key a && key b && make_list manifest maker.key list 01A=a.pub 01B=b.pub && "
          "ctl device allow sensors list >said && license sensors b && opens sensors suit b && "
          "license sensors a && opens sensors suit a");
    LISTS("key c && make_list manifest maker.key list2 01C=c.pub --kid 4 && "
          "not_taken sensors list-key 'Device 1 ' list2 && "
          "ctl device allow sensors list2 --key-id 4 >said && license sensors c");
}

static void a_device_on_no_list_is_refused(void)
{
    begin("stranger");
    LISTS("key a && key stranger && make_list manifest maker.key list 01A=a.pub && "
          "denied $P a device-not-listed && ctl device allow $P list >said && "
          "license $P a && denied $P stranger device-not-listed && "
          "denied sensors a device-not-listed");
}

static void a_list_of_another_signer_is_refused(void)
{
    begin("signer");
    LISTS("key a && make_list manifest other.key list 01A=a.pub && "
          "not_taken $P list-signer 'Device 1 ' list && "
          "make_list plain $P text A-1=a.pub && sign text other && "
          "not_taken $P list-signer trusts text --signature text.sig && "
          "not_taken $P list-unsigned signature text && sign text maker && "
          "sed -i s/A-1/A-2/ text && not_taken $P list-signer changed text --signature text.sig "
          "&& make_list plain sensors far A-1=a.pub && sign far maker && "
          "not_taken $P list-product 'another product' far --signature far.sig && "
          "denied $P a device-not-listed");
}

static void one_bad_entry_refuses_the_whole_list_with_its_place(void)
{
    begin("spoilt");
    LISTS("for n in a b c; do key $n; done && "
          "bad() { make_list manifest maker.key list 1=a.pub 2=b.pub 3=c.pub --spoil $1 && "
          "not_taken $P $2 \"Device ${1%%:*} \" list; } && "
          "bad 1:signature list-signer && bad 2:payload list-signer && bad 3:none list-entry && "
          "bad 2:serial list-serial && bad 3:point list-key-type && bad 1:crit list-entry && "
          "bad 2:missing list-key && make_list manifest maker.key list 1=a.pub 2=b.pub && "
          "head -c -3 list >cut && not_taken $P list-form 'cut off' cut && "
          "echo '[]' >empty && not_taken $P list-empty 'no device' empty");
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM listed_device l JOIN product p "
                                     "ON p.id = l.product_id WHERE p.name = 'spoilt'"),
                     0);
}

static void a_key_and_a_serial_belong_together(void)
{
    begin("pairs");
    LISTS("key a && key b && make_list manifest maker.key list 1=a.pub && "
          "ctl device allow $P list >said && make_list manifest maker.key list 1=b.pub && "
          "not_taken $P serial-has-other-key 'Device 1 ' list && "
          "key c && make_list manifest maker.key list 3=c.pub 2=a.pub && "
          "not_taken $P key-has-other-serial 'Device 2 ' list && "
          "denied $P c device-not-listed && license $P a");
    /* Taking the old one off does not make its serial another device's that is licensed. */
    LISTS("ctl device disallow $P $(key_digest a) >said && denied $P a device-not-listed && "
          "make_list manifest maker.key list 1=b.pub && ctl device allow $P list >said && "
          "denied $P b serial-has-other-key");
}

static void the_same_list_again_leaves_no_leaf(void)
{
    begin("again");
    LISTS("key a && make_list manifest maker.key list 1=a.pub && ctl device allow $P list >said");
    int64_t leaves = rig_query(&rig, "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) "
                                     "LIKE '%\"product\":\"again\"%\"type\":\"devices-allowed\"%'");
    ck_assert_int_eq(leaves, 1);
    LISTS("ctl device allow $P list >said && ctl device lists $P --json | "
          "jq -e '.lists | length == 1 and .[0].devices == 1' >said");
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) "
                                     "LIKE '%\"product\":\"again\"%\"type\":\"devices-allowed\"%'"),
                     leaves);
}

static void products_take_one_form_of_device(void)
{
    begin("forms");
    LISTS("key a && ! license $RIG_PRODUCT a && grep -q certificate_chain said && "
          "! product paper cms --anchors maker.pem && grep -q \"certificate's issuer\" said && "
          "! product late jwe --anchors maker.pem --device-validity chain-valid-at-issue && "
          "! product never jwe --anchors maker.pem --crl-hours-max 24 && "
          "! ctl product crls $P --file maker.pem >said 2>&1 && ! ctl product crls $P --none >said "
          "2>&1 && grep -q 'no X.509 certificate' said && "
          "! ctl device allow $RIG_PRODUCT maker.pub >said 2>&1 && grep -q certificates said && "
          "key c P-384 && make_list manifest maker.key list 1=c.pub && "
          "not_taken $P list-key-type 'Device 1 ' list");
}

static void a_list_of_many_devices_is_taken(void)
{
    const size_t count = test_size("devices of a list", 2000, 100000);
    begin("long");
    ck_assert_int_eq(rig_shell(&rig,
                               "P=%s; . $SOURCE/tests/e2e/lists.sh && key last && "
                               "make_list many maker.key list %zu last.pub && "
                               "ctl device allow $P list >said && grep -q '^%zu devices' said && "
                               "license $P last && opens $P jwe last",
                               product, count, count),
                     0);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM listed_device l JOIN product p "
                                     "ON p.id = l.product_id WHERE p.name = 'long'"),
                     (int64_t)count);
}

/* ---- a product whose maker's officers say who signs its lists ---- */

static void restart_vault(const char *sql)
{
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    if (sql != NULL)
        LISTS("sqlite3 $RIG_LEDGER \"$(cat edit.sql)\"");
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
}

#define GOVERNED(script) LISTS(". $SOURCE/tests/e2e/maker.sh; " script)
#define POLICY                                                            \
    "--kind policy --product fleet --profile jwe --device-identity list " \
    "--authorities $RIG_AUTHORITIES --threshold 2 "

static void make_fleet(void)
{
    product = "fleet";
    GOVERNED("grant p1 " POLICY "--sequence 1 --anchors maker.pem && "
             "grant u1 --kind install --product fleet --units 5 && "
             "ctl image encrypt --product fleet --format jwe $RIG_FIRMWARE >fleet.image && "
             "key a && key b && key c && make_list manifest maker.key first A=a.pub B=b.pub && "
             "ctl device allow fleet first >said && license fleet a");
}

/* Rows that nobody signed are not what the journal tells of. */
static void find_written_rows(void)
{
    LISTS(
        "echo \"INSERT INTO listed_device SELECT product_id, X'$(key_digest c)', 'C', list_id FROM "
        "listed_device WHERE serial = 'A'\" >edit.sql");
    restart_vault("edit.sql");
    LISTS("! license fleet c && grep -q 'other listed devices' said && ! license fleet b");
    LISTS("echo \"DELETE FROM listed_device WHERE serial = 'C'\" >edit.sql");
    restart_vault("edit.sql");
    LISTS("license fleet b && denied fleet c device-not-listed");
}

START_TEST(officers_say_who_signs_the_lists_of_a_governed_product)
{
    make_fleet();
    restart_vault(NULL);
    LISTS("license fleet a");
    find_written_rows();
    GOVERNED("grant p2 " POLICY "--sequence 2 --anchors other.pub && denied fleet b list-signer && "
             "not_taken fleet list-signer trusts first && "
             "make_list manifest other.key second B=b.pub C=c.pub && "
             "ctl device allow fleet second >said && license fleet b && license fleet c && "
             "denied fleet a list-signer && ctl device disallow fleet $(key_digest c) >said && "
             "denied fleet c device-not-listed");
    restart_vault(NULL);
    LISTS("license fleet b");
}
END_TEST

START_TEST(listed_devices_get_licenses_that_other_software_opens)
{
    devices_of_a_plain_list_get_licenses_that_jose_opens();
    devices_of_a_manifest_get_licenses_that_cose_libraries_open();
    the_same_list_again_leaves_no_leaf();
    a_list_of_many_devices_is_taken();
}
END_TEST

START_TEST(what_is_not_as_the_signer_signed_it_is_refused)
{
    a_device_on_no_list_is_refused();
    a_list_of_another_signer_is_refused();
    one_bad_entry_refuses_the_whole_list_with_its_place();
    a_key_and_a_serial_belong_together();
    products_take_one_form_of_device();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        listed_devices_get_licenses_that_other_software_opens,
        officers_say_who_signs_the_lists_of_a_governed_product,
        what_is_not_as_the_signer_signed_it_is_refused,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "lists",
                                        .timeout_s = 300,
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .tests = tests});
}
