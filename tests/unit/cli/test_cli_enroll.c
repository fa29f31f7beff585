/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A CA of a site's own and what it signs: the real program, openssl, and a vault's admin socket. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "admin_case.h"
#include "core/bytes.h"
#include "suite.h"
#include "support/pki.h"

static Provisiond__AdminReply add_reply = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__AdminReply list_reply = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__PrincipalAddReply added = PROVISIOND__PRINCIPAL_ADD_REPLY__INIT;
static Provisiond__PrincipalListReply listed = PROVISIOND__PRINCIPAL_LIST_REPLY__INIT;
static struct sha256 enrolled;
static char key_path[TEMP_PATH_MAX];
static char certificate_path[TEMP_PATH_MAX];

static void set_up(void)
{
    admin_case_set_up();
    temp_dir_path(&dir, "line-3.key", key_path);
    temp_dir_path(&dir, "line-3.pem", certificate_path);
}

static X509 *read_pem(const char *pem, size_t length)
{
    BIO *memory = BIO_new_mem_buf(pem, (int)length);
    X509 *certificate = PEM_read_bio_X509(memory, NULL, NULL, NULL);
    BIO_free(memory);
    return certificate;
}

/* As the vault does: the SHA-256 of the certificate's SubjectPublicKeyInfo. */
static void hash_key(struct vault_double *double_)
{
    unsigned char *der = NULL;
    const Provisiond__AdminRequest *request = double_->request;
    if (request->op_case != PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_ADD)
        return;
    X509 *certificate = read_pem((const char *)request->principal_add->certificate.data,
                                 request->principal_add->certificate.len);
    ck_assert_ptr_nonnull(certificate);
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    ck_assert_int_gt(length, 0);
    enrolled = sha256_of(bytes_of(der, (size_t)length));
    OPENSSL_free(der);
    X509_free(certificate);
}

/* A vault that knows nobody and enrols whoever comes. */
static void say_enrolling(void)
{
    added.spki = (ProtobufCBinaryData){.data = enrolled.bytes, .len = SHA256_SIZE};
    vault.before = hash_key;
    SAY(&add_reply, PRINCIPAL_ADD, principal_add, &added);
    SAY(&list_reply, PRINCIPAL_LIST, principal_list, &listed);
}

static void make_ca(void)
{
    PROVCTL(&dir, &run, "ca", "new", "--out-dir", dir.path);
    ck_assert_msg(run.exit == 0, "%s", run.err);
}

#define ENROLL(...) ADMIN("station", "enroll", "line-3", "--out-dir", dir.path, ##__VA_ARGS__)

static mode_t mode_of(const char *name)
{
    struct stat info;
    char path[TEMP_PATH_MAX];
    temp_dir_path(&dir, name, path);
    ck_assert_int_eq(stat(path, &info), 0);
    return info.st_mode & 07777;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* What openssl says in the folder; 0 is yes. */
static int openssl(const char *arguments)
{
    char command[2048];
    (void)snprintf(command, sizeof command, "cd '%s' && openssl %s >/dev/null 2>&1", dir.path,
                   arguments);
    return system(command);
}

/* ---- the CA ---- */

START_TEST(a_ca_is_made_and_its_key_is_its_owners_alone)
{
    (void)umask(0);
    make_ca();
    ck_assert_int_eq(mode_of("ca.key"), 0600);
    ck_assert_int_eq(openssl("verify -x509_strict -CAfile ca.pem ca.pem"), 0);
    ck_assert_int_eq(openssl("pkey -in ca.key -check -noout"), 0);
    ck_assert_ptr_nonnull(strstr(run.out, "[api] client_ca"));
    ck_assert_ptr_null(strstr(run.out, "PRIVATE KEY-----"));
}
END_TEST

START_TEST(a_folder_for_the_ca_is_made_for_its_owner_alone)
{
    char folder[TEMP_PATH_MAX];
    char below[TEMP_PATH_MAX + 8];
    (void)umask(0);
    temp_dir_path(&dir, "pki", folder);
    PROVCTL(&dir, &run, "ca", "new", "--out-dir", folder);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_int_eq(mode_of("pki"), 0700);
    ck_assert_int_eq(mode_of("pki/ca.key"), 0600);
    (void)snprintf(below, sizeof below, "%s/no/ca", folder);
    PROVCTL(&dir, &run, "ca", "new", "--out-dir", below);
    claim_failed(1, "/no/ca cannot be made: No such file or directory");
}
END_TEST

START_TEST(a_ca_makes_the_servers_certificate_for_the_names_it_is_told)
{
    (void)umask(0);
    PROVCTL(&dir, &run, "ca", "new", "--out-dir", dir.path, "--server",
            "prov.example,10.0.0.5,2001:db8::7");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_ptr_nonnull(strstr(run.out, "/server.key  its private key"));
    ck_assert_int_eq(openssl("verify -x509_strict -purpose sslserver -verify_hostname prov.example "
                             "-CAfile ca.pem server.pem"),
                     0);
    ck_assert_int_eq(openssl("verify -verify_ip 10.0.0.5 -CAfile ca.pem server.pem"), 0);
    ck_assert_int_eq(openssl("verify -verify_ip 2001:db8::7 -CAfile ca.pem server.pem"), 0);
    ck_assert_int_ne(openssl("verify -verify_hostname other -CAfile ca.pem server.pem"), 0);
    ck_assert_int_ne(openssl("verify -purpose sslclient -CAfile ca.pem server.pem"), 0);
    ck_assert_int_eq(mode_of("server.key"), 0600);
}
END_TEST

/* As the package makes /etc/provisiond/pki; the umask that many administrators have. */
START_TEST(a_folder_that_hands_on_its_group_lets_it_read_the_servers_key_alone)
{
    (void)umask(077);
    ck_assert_int_eq(chmod(dir.path, 02750), 0);
    PROVCTL(&dir, &run, "ca", "new", "--out-dir", dir.path, "--server", "prov.example");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_int_eq(mode_of("server.key"), 0640);
    ck_assert_int_eq(mode_of("ca.key"), 0600);
}
END_TEST

START_TEST(what_is_no_name_of_a_server_makes_no_ca)
{
    static const char *const LISTS[] = {
        "",
        "a,",
        ",a",
        "a b",
        "a,,b",
        "a,DNS:b",
        "-a",
        "*.example",
        "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
        ("a2345678901234567890123456789012345678901234567890123456789"
         "012345")};
    size_t files = count_files(&dir);
    for (size_t i = 0; i < sizeof LISTS / sizeof LISTS[0]; i++) {
        PROVCTL(&dir, &run, "ca", "new", "--out-dir", dir.path, "--server", LISTS[i]);
        claim_failed(64, "The server's names are host names and addresses");
        ck_assert_uint_eq(count_files(&dir), files);
    }
}
END_TEST

START_TEST(a_renewed_server_certificate_takes_the_place_of_the_old_one)
{
    char before[4096];
    char after[4096];
    PROVCTL(&dir, &run, "ca", "new", "--out-dir", dir.path, "--days", "30", "--server", "old");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_int_gt((int)read_file(&dir, "server.key", before, sizeof before), 0);
    size_t files = count_files(&dir);
    PROVCTL(&dir, &run, "ca", "server", "new,localhost", "--out-dir", dir.path);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_uint_eq(count_files(&dir), files);
    ck_assert_int_gt((int)read_file(&dir, "server.key", after, sizeof after), 0);
    ck_assert_str_ne(before, after);
    ck_assert_int_eq(openssl("verify -verify_hostname new -CAfile ca.pem server.pem"), 0);
    /* 825 days would be longer than the CA has. */
    ck_assert_int_eq(openssl("x509 -in server.pem -noout -checkend 2500000"), 0);
    ck_assert_int_ne(openssl("x509 -in server.pem -noout -checkend 2600000"), 0);
}
END_TEST

START_TEST(a_server_certificate_needs_a_ca)
{
    PROVCTL(&dir, &run, "ca", "server", "prov.example", "--out-dir", dir.path);
    claim_failed(1, "There is no CA: ");
    PROVCTL(&dir, &run, "ca", "new", "--out-dir", dir.path, "--server", "prov.example");
    PROVCTL(&dir, &run, "ca", "server", "prov.example", "--out-dir", dir.path, "--ca", "x.pem");
    claim_failed(64, "--ca and --ca-key belong together");
}
END_TEST

START_TEST(a_ca_is_never_replaced)
{
    char before[4096];
    char after[4096];
    make_ca();
    ck_assert_int_gt((int)read_file(&dir, "ca.key", before, sizeof before), 0);
    PROVCTL(&dir, &run, "ca", "new", "--out-dir", dir.path);
    claim_failed(1, "ca.key is there already, and is not replaced");
    ck_assert_int_gt((int)read_file(&dir, "ca.key", after, sizeof after), 0);
    ck_assert_str_eq(before, after);
}
END_TEST

/* ---- a station ---- */

START_TEST(a_station_gets_key_certificate_and_enrolment)
{
    char hex[SHA256_HEX_SIZE];
    say_enrolling();
    make_ca();
    (void)umask(0);
    ENROLL("--product", "meter", "--line", "3");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    hex_encode(bytes_of(enrolled.bytes, SHA256_SIZE), hex);
    ck_assert_ptr_nonnull(strstr(run.out, hex));
    ck_assert_ptr_nonnull(strstr(run.out, key_path));
    ck_assert_ptr_nonnull(strstr(run.out, certificate_path));
    ck_assert_ptr_null(strstr(run.out, "PRIVATE KEY-----"));
    ck_assert_int_eq(mode_of("line-3.key"), 0600);
    ck_assert_int_eq(openssl("verify -x509_strict -purpose sslclient -CAfile ca.pem line-3.pem"),
                     0);
    ck_assert_int_ne(openssl("verify -purpose sslserver -CAfile ca.pem line-3.pem"), 0);
    ck_assert_int_eq(openssl("pkey -in line-3.key -pubout -out pub"), 0);
    ck_assert_int_eq(openssl("x509 -in line-3.pem -noout -pubkey | cmp - pub"), 0);
    ck_assert_str_eq(vault.request->principal_add->name, "line-3");
    ck_assert_str_eq(vault.request->principal_add->products[0], "meter");
    ck_assert_str_eq(vault.request->principal_add->lines[0], "3");
}
END_TEST

START_TEST(an_enrolment_is_an_object_for_machines)
{
    char hex[SHA256_HEX_SIZE];
    say_enrolling();
    make_ca();
    ENROLL("--json", "--days", "1");
    hex_encode(bytes_of(enrolled.bytes, SHA256_SIZE), hex);
    json_t *found = json_loads(run.out, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(found, "role")), "station");
    ck_assert_str_eq(json_string_value(json_object_get(found, "key")), hex);
    ck_assert_str_eq(json_string_value(json_object_get(found, "private_key")), key_path);
    ck_assert_str_eq(json_string_value(json_object_get(found, "certificate")), certificate_path);
    ck_assert_uint_eq(strlen(json_string_value(json_object_get(found, "valid_until"))), 10);
    json_decref(found);
    ck_assert_int_ne(openssl("x509 -in line-3.pem -noout -checkend 86401"), 0);
    ck_assert_int_eq(openssl("x509 -in line-3.pem -noout -checkend 86000"), 0);
}
END_TEST

START_TEST(a_key_that_is_there_is_never_overwritten)
{
    char found[64];
    say_enrolling();
    make_ca();
    write_file(&dir, "line-3.key", "precious", 8);
    ENROLL();
    claim_failed(1, "line-3.key is there already");
    ck_assert_int_eq((int)read_file(&dir, "line-3.key", found, sizeof found), 8);
    ck_assert(!is_there(certificate_path));
    ck_assert_int_eq(unlink(key_path), 0);
    write_file(&dir, "line-3.pem", "precious", 8);
    ENROLL();
    claim_failed(1, "line-3.pem is there already");
    ck_assert(!is_there(key_path));
    ck_assert_int_eq((int)read_file(&dir, "line-3.pem", found, sizeof found), 8);
}
END_TEST

START_TEST(what_the_vault_refuses_leaves_no_file)
{
    make_ca();
    say_fault(ERR_CONFLICT, "name-taken", "Somebody else has this name.");
    SAY(&list_reply, PRINCIPAL_LIST, principal_list, &listed);
    ENROLL();
    claim_failed(1, "Somebody else has this name.");
    ck_assert_uint_eq(vault.request_count, 2);
    ck_assert(!is_there(key_path));
    ck_assert(!is_there(certificate_path));
}
END_TEST

START_TEST(a_vault_that_is_away_costs_no_key)
{
    make_ca();
    PROVCTL(&dir, &run, "station", "enroll", "line-3", "--out-dir", dir.path, "--socket",
            "/nonexistent/admin.sock");
    claim_failed(20, "is not there");
    ck_assert(!is_there(key_path));
}
END_TEST

static bool is_lost; /* an enrolment was answered with nothing */

/* It enrols, but the answer is lost; then it is asked, and knows the name. */
static void lose_answer(struct vault_double *double_)
{
    hash_key(double_);
    double_->is_hanging_up =
        double_->request->op_case == PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_ADD;
    if (is_lost)
        listed.n_principals = 1;
    is_lost = is_lost || double_->is_hanging_up;
}

START_TEST(an_enrolment_whose_answer_was_lost_counts_when_the_vault_says_so)
{
    static Provisiond__PrincipalKey key = PROVISIOND__PRINCIPAL_KEY__INIT;
    static Provisiond__PrincipalKey *keys[] = {&key};
    static Provisiond__PrincipalEntry entry = PROVISIOND__PRINCIPAL_ENTRY__INIT;
    static Provisiond__PrincipalEntry *entries[] = {&entry};
    say_enrolling();
    make_ca();
    key.spki = added.spki;
    entry.name = (char *)"line-3";
    entry.n_keys = 1;
    entry.keys = keys;
    listed.principals = entries;
    vault.before = lose_answer;
    ENROLL();
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_ptr_nonnull(strstr(run.out, "Station line-3 enrolled"));
    ck_assert(is_there(key_path));
}
END_TEST

/* The same, but the vault knows nobody of the name yet. */
static void lose_request(struct vault_double *double_)
{
    double_->is_hanging_up =
        double_->request->op_case == PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_ADD;
}

/* It may be enrolled a moment later: without its key that would be of no use to anybody. */
START_TEST(an_enrolment_whose_end_is_not_known_keeps_its_files)
{
    say_enrolling();
    make_ca();
    vault.before = lose_request;
    ENROLL();
    claim_failed(1,
                 "may enrol line-3 still. Its files stay. In a minute, see provctl station show");
    ck_assert(is_there(key_path));
    ck_assert(is_there(certificate_path));
}
END_TEST

START_TEST(a_vault_that_is_busy_leaves_no_file)
{
    static Provisiond__FaultMessage fault = PROVISIOND__FAULT_MESSAGE__INIT;
    static Provisiond__AdminReply busy = PROVISIOND__ADMIN_REPLY__INIT;
    say_enrolling();
    make_ca();
    fault.code = ERR_BUSY;
    fault.reason = (char *)"queue-full";
    fault.detail = (char *)"The queue is full.";
    busy.fault = &fault;
    vault.replies[PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_ADD] = &busy;
    ENROLL();
    claim_failed(20, "The queue is full");
    ck_assert(!is_there(key_path));
    ck_assert(!is_there(certificate_path));
}
END_TEST

START_TEST(a_ca_key_that_others_can_read_is_used_with_a_warning)
{
    char key[TEMP_PATH_MAX];
    say_enrolling();
    make_ca();
    temp_dir_path(&dir, "ca.key", key);
    ck_assert_int_eq(chmod(key, 0644), 0);
    ENROLL();
    ck_assert_int_eq(run.exit, 0);
    ck_assert_msg(strstr(run.err, "provctl: warning: others can read the CA's key ") == run.err,
                  "%s", run.err);
    ck_assert(is_there(key_path));
}
END_TEST

/* ---- what does not fit ---- */

START_TEST(a_certificate_from_elsewhere_is_enrolled_as_it_is)
{
    struct pki *root = pki_root("Elsewhere");
    struct pki *station = pki_client(root, "line-3");
    size_t files = count_files(&dir);
    say_enrolling();
    pki_write_certificate(station, certificate_path);
    ADMIN("operator", "enroll", "olga", "--certificate", certificate_path);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_ptr_nonnull(strstr(run.out, "Operator olga enrolled"));
    ck_assert_ptr_null(strstr(run.out, "--key"));
    ck_assert_uint_eq(count_files(&dir), files + 1);
    pki_free(station);
    pki_free(root);
}
END_TEST

START_TEST(a_ca_that_can_not_sign_is_told_before_anything_is_made)
{
    struct pki *root = pki_root("Other");
    struct pki *leaf = pki_client(root, "leaf");
    char other[TEMP_PATH_MAX];
    char key[TEMP_PATH_MAX];
    temp_dir_path(&dir, "other.pem", other);
    temp_dir_path(&dir, "other.key", key);
    say_enrolling();
    ENROLL();
    claim_failed(1, "ca.pem is not there. Make one first: provctl ca new --out-dir ");
    make_ca();
    pki_write_certificate(root, other);
    pki_write_key(leaf, key);
    ENROLL("--ca", other, "--ca-key", key);
    claim_failed(1, "other.key is not the key of");
    pki_write_certificate(leaf, other);
    ENROLL("--ca", other, "--ca-key", key);
    claim_failed(1, "is no CA's certificate");
    ENROLL("--ca", other);
    claim_failed(64, "--ca and --ca-key belong together");
    ENROLL("--certificate", other);
    claim_failed(64, "--certificate is from elsewhere");
    ADMIN("station", "enroll", "line-3");
    claim_failed(64, "Say where the new key goes");
    ENROLL("--days", "3651");
    claim_failed(1, "ends before that");
    ck_assert_uint_eq(vault.request_count, 0);
    ck_assert(!is_there(key_path));
    pki_free(leaf);
    pki_free(root);
}
END_TEST

START_TEST(an_encrypted_ca_key_fails_and_asks_nothing)
{
    char key[TEMP_PATH_MAX];
    char certificate[TEMP_PATH_MAX];
    say_enrolling();
    make_ca();
    ck_assert_int_eq(openssl("pkey -in ca.key -aes256 -passout pass:x -out locked.key"), 0);
    temp_dir_path(&dir, "locked.key", key);
    temp_dir_path(&dir, "ca.pem", certificate);
    ENROLL("--ca", certificate, "--ca-key", key);
    claim_failed(1, "or it is encrypted");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_ca_is_made_and_its_key_is_its_owners_alone,
        a_ca_makes_the_servers_certificate_for_the_names_it_is_told,
        a_folder_that_hands_on_its_group_lets_it_read_the_servers_key_alone,
        what_is_no_name_of_a_server_makes_no_ca,
        a_renewed_server_certificate_takes_the_place_of_the_old_one,
        a_server_certificate_needs_a_ca,
        a_ca_is_never_replaced,
        a_station_gets_key_certificate_and_enrolment,
        an_enrolment_is_an_object_for_machines,
        a_key_that_is_there_is_never_overwritten,
        what_the_vault_refuses_leaves_no_file,
        a_vault_that_is_away_costs_no_key,
        an_enrolment_whose_answer_was_lost_counts_when_the_vault_says_so,
        an_enrolment_whose_end_is_not_known_keeps_its_files,
        a_vault_that_is_busy_leaves_no_file,
        a_ca_key_that_others_can_read_is_used_with_a_warning,
        a_folder_for_the_ca_is_made_for_its_owner_alone,
        a_certificate_from_elsewhere_is_enrolled_as_it_is,
        a_ca_that_can_not_sign_is_told_before_anything_is_made,
        an_encrypted_ca_key_fails_and_asks_nothing,
        NULL};
    return suite_run("cli enroll", set_up, admin_case_tear_down, tests);
}
