/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Lists are read by GnuTLS into a table that is replaced as a whole. */
#include "api/crl.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/crl_list.h"
#include "api/pem_file.h"
#include "core/clock.h"
#include "core/log.h"

#define CRL_FILE_MAX_BYTES \
    ((size_t)2 * 1024 * 1024) /* some 50,000 entries; reading takes much memory */
#define CRL_SERIAL_MAX   64
#define CRL_WARN_EVERY_S 3600
#define CRL_LISTS_MAX    64
#define MS_PER_S         1000

/* What the lists say; immutable once it is in force. */
struct revoked {
    int64_t next_update_unix_s;
    size_t mark_count;
    struct crl_mark marks[CRL_LISTS_MAX]; /* of each scope, the newest list's */
    size_t count;
    size_t room;
    struct sha256 *names; /* sorted */
};

struct crl {
    const char *path;     /* written under lock, by the looking thread */
    struct pem_mark mark; /* the looking thread's, as warned_s and the CAs */
    int64_t warned_s;
    gnutls_x509_crt_t *authorities;
    unsigned authority_count;
    pthread_rwlock_t lock;
    struct revoked revoked; /* guarded by lock */
    atomic_bool is_broken;
    atomic_uint generation;
};

struct lists {
    gnutls_x509_crl_t *items;
    unsigned count;
};

static void lists_clear(struct lists *lists)
{
    for (unsigned i = 0; i < lists->count; i++)
        gnutls_x509_crl_deinit(lists->items[i]);
    gnutls_free(lists->items);
}
#define LISTS_AUTO __attribute__((cleanup(lists_clear))) struct lists

static void text_release(char **text)
{
    free(*text);
}
#define TEXT_AUTO __attribute__((cleanup(text_release))) char *

static void revoked_clear(struct revoked *revoked)
{
    free(revoked->names);
    *revoked = (struct revoked){0};
}

static gnutls_datum_t datum_of(const char *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)text,
                            .size = (unsigned)strlen(text)};
}

/* ---- names ---- */

/* The issuer's own hash first, so that no issuer and serial read as another pair. */
static struct sha256 name_of(const struct sha256 *issuer, const uint8_t *serial, size_t length)
{
    uint8_t text[SHA256_SIZE + CRL_SERIAL_MAX];
    memcpy(text, issuer->bytes, SHA256_SIZE);
    memcpy(text + SHA256_SIZE, serial, length);
    return sha256_of(bytes_of(text, SHA256_SIZE + length));
}

static struct sha256 take_issuer(gnutls_datum_t *issuer)
{
    struct sha256 hash = sha256_of(bytes_of(issuer->data, issuer->size));
    gnutls_free(issuer->data);
    issuer->data = NULL;
    return hash;
}

bool crl_name(gnutls_x509_crt_t certificate, struct sha256 *ret_name)
{
    uint8_t serial[CRL_SERIAL_MAX];
    size_t size = sizeof serial;
    gnutls_datum_t issuer = {0};
    if (gnutls_x509_crt_get_serial(certificate, serial, &size) != 0 ||
        gnutls_x509_crt_get_raw_issuer_dn(certificate, &issuer) != 0)
        return false;
    struct sha256 hash = take_issuer(&issuer);
    *ret_name = name_of(&hash, serial, size);
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct sha256));
}

static bool add_name(struct revoked *revoked, const struct sha256 *name)
{
    if (revoked->count == revoked->room) {
        size_t room = revoked->room > 0 ? 2 * revoked->room : 64;
        struct sha256 *grown = reallocarray(revoked->names, room, sizeof *grown);
        if (grown == NULL)
            return false;
        revoked->names = grown;
        revoked->room = room;
    }
    revoked->names[revoked->count++] = *name;
    return true;
}

/* ---- one list ---- */

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_CONFIG, reason, detail, 0);
}

/* Whatever its dates say: GnuTLS finds a list invalid that is overdue and nothing else. */
static bool is_signed(const struct crl *crl, gnutls_x509_crl_t list)
{
    const unsigned dates =
        GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED | GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
    unsigned status = ~0U;
    if (gnutls_x509_crl_verify(list, crl->authorities, crl->authority_count, 0, &status) != 0)
        return false;
    if ((status & dates) != 0)
        status &= ~(dates | (unsigned)GNUTLS_CERT_INVALID);
    return status == 0;
}

static bool add_entries(gnutls_x509_crl_t list, const struct sha256 *issuer,
                        struct revoked *revoked)
{
    gnutls_x509_crl_iter_t at = NULL;
    uint8_t serial[CRL_SERIAL_MAX];
    time_t when = 0;
    int rc = 0;
    for (;;) {
        size_t size = sizeof serial;
        rc = gnutls_x509_crl_iter_crt_serial(list, &at, serial, &size, &when);
        if (rc != 0)
            break;
        struct sha256 name = name_of(issuer, serial, size);
        if (!add_name(revoked, &name))
            break;
    }
    gnutls_x509_crl_iter_deinit(at);
    return rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
}

static struct crl_mark *find_mark(struct revoked *revoked, const struct sha256 *scope)
{
    for (size_t i = 0; i < revoked->mark_count; i++) {
        if (sha256_equal(&revoked->marks[i].scope, scope))
            return &revoked->marks[i];
    }
    return NULL;
}

static void keep_mark(struct revoked *revoked, const struct crl_mark *mark)
{
    struct crl_mark *known = find_mark(revoked, &mark->scope);
    if (known == NULL)
        revoked->marks[revoked->mark_count++] = *mark;
    else if (crl_mark_is_older(known, mark))
        *known = *mark;
}

static enum error add_content(gnutls_x509_crl_t list, const struct sha256 *issuer,
                              struct revoked *revoked, struct fault *fault)
{
    struct crl_mark mark;
    enum error e = crl_list_mark(list, issuer, &mark, fault);
    if (e != ERR_OK)
        return e;
    if (!add_entries(list, issuer, revoked))
        return refuse(fault, "client-crl-invalid",
                      "The entries of a list of [api] client_crl cannot be read: fetch it from its "
                      "CA again.");
    keep_mark(revoked, &mark);
    int64_t next = gnutls_x509_crl_get_next_update(list);
    if (next > 0 && (revoked->next_update_unix_s == 0 || next < revoked->next_update_unix_s))
        revoked->next_update_unix_s = next;
    return ERR_OK;
}

static enum error add_list(const struct crl *crl, gnutls_x509_crl_t list, struct revoked *revoked,
                           struct fault *fault)
{
    gnutls_datum_t issuer = {0};
    if (!is_signed(crl, list))
        return refuse(fault, "client-crl-signature",
                      "A list of [api] client_crl is not signed by a certificate of client_ca: "
                      "take it out, or add its CA there.");
    enum error e = crl_list_check(list, fault);
    if (e != ERR_OK)
        return e;
    if (gnutls_x509_crl_get_raw_issuer_dn(list, &issuer) != 0)
        return refuse(fault, "client-crl-invalid",
                      "A list of [api] client_crl has no issuer: fetch it from its CA again.");
    struct sha256 hash = take_issuer(&issuer);
    return add_content(list, &hash, revoked, fault);
}

/* A file that says less than what is in force may be an old one that somebody put there. */
static enum error check_progress(struct revoked *fresh, const struct revoked *old,
                                 struct fault *fault)
{
    for (size_t i = 0; i < old->mark_count; i++) {
        const struct crl_mark *mark = find_mark(fresh, &old->marks[i].scope);
        if (mark == NULL)
            return refuse(fault, "client-crl-missing",
                          "The file of [api] client_crl has no list any more of an issuer whose "
                          "list is in force; if that is meant, start provisiond again.");
        if (crl_mark_is_older(mark, &old->marks[i]))
            return refuse(fault, "client-crl-older",
                          "A list of [api] client_crl is older, by its time or its number, than "
                          "the one in force; if that is meant, start provisiond again.");
    }
    return ERR_OK;
}

/* ---- the file ---- */

static enum error read_lists(const struct crl *crl, struct revoked *ret_revoked,
                             struct fault *fault)
{
    LISTS_AUTO lists = {0};
    struct revoked revoked = {0};
    enum error e = ERR_OK;
    TEXT_AUTO text = pem_file_read(crl->path, CRL_FILE_MAX_BYTES);
    if (text == NULL)
        return fault_set(fault, ERR_CONFIG, "client-crl-file",
                         "The revocation lists ([api] client_crl) cannot be read: the user of "
                         "provisiond must be able to read the file and its folders.",
                         errno);
    gnutls_datum_t datum = datum_of(text);
    if (gnutls_x509_crl_list_import2(&lists.items, &lists.count, &datum, GNUTLS_X509_FMT_PEM, 0) <
            0 ||
        lists.count == 0)
        return refuse(fault, "client-crl-invalid",
                      "The file of [api] client_crl holds no PEM revocation list: put those of the "
                      "CAs there (`openssl crl -inform der` converts one), or take the key out.");
    if (lists.count > CRL_LISTS_MAX)
        return refuse(fault, "client-crl-many",
                      "The file of [api] client_crl holds more than 64 lists: leave the newest one "
                      "of each issuer there.");
    for (unsigned i = 0; i < lists.count && e == ERR_OK; i++)
        e = add_list(crl, lists.items[i], &revoked, fault);
    /* Only this thread changes what is in force. */
    if (e == ERR_OK)
        e = check_progress(&revoked, &crl->revoked, fault);
    if (e != ERR_OK) {
        revoked_clear(&revoked);
        return e;
    }
    if (revoked.count > 0)
        qsort(revoked.names, revoked.count, sizeof *revoked.names, compare_names);
    *ret_revoked = revoked;
    return ERR_OK;
}

static enum error load(struct crl *crl, struct fault *fault)
{
    struct revoked fresh = {0};
    enum error e = read_lists(crl, &fresh, fault);
    atomic_store(&crl->is_broken, e != ERR_OK);
    if (e != ERR_OK)
        return e;
    (void)pthread_rwlock_wrlock(&crl->lock);
    struct revoked old = crl->revoked;
    crl->revoked = fresh;
    (void)pthread_rwlock_unlock(&crl->lock);
    revoked_clear(&old);
    (void)atomic_fetch_add(&crl->generation, 1);
    log_event(LOG_LEVEL_INFO, "client-crl", LOG_NUMBER("entries", (int64_t)fresh.count),
              LOG_NUMBER("next_update", fresh.next_update_unix_s));
    return ERR_OK;
}

static void warn_when_overdue(struct crl *crl)
{
    int64_t now_s = clock_monotonic_ms() / MS_PER_S;
    struct crl_state state = crl_state(crl);
    if (state.condition != CRL_EXPIRED) {
        crl->warned_s = 0;
        return;
    }
    if (crl->warned_s != 0 && now_s - crl->warned_s < CRL_WARN_EVERY_S)
        return;
    crl->warned_s = now_s;
    log_event(LOG_LEVEL_WARNING, "client-crl-expired",
              LOG_TEXT("detail", "A revocation list ([api] client_crl) is past its next update; "
                                 "it stays in force, and what was revoked since is not known."),
              LOG_NUMBER("next_update", state.next_update_unix_s));
}

void crl_look(struct crl *crl)
{
    struct fault fault = {0};
    if (crl->path[0] == '\0')
        return;
    if (pem_file_is_changed(crl->path, &crl->mark) && load(crl, &fault) != ERR_OK)
        log_fault(LOG_LEVEL_ERROR, "client-crl-kept", &fault);
    warn_when_overdue(crl);
}

/* ---- life ---- */

static enum error read_authorities(struct crl *crl, const char *client_ca, struct fault *fault)
{
    gnutls_datum_t text = datum_of(client_ca);
    if (gnutls_x509_crt_list_import2(&crl->authorities, &crl->authority_count, &text,
                                     GNUTLS_X509_FMT_PEM, 0) < 0)
        return refuse(fault, "client-ca-invalid",
                      "The client CA ([api] client_ca) holds no PEM certificate: put those of the "
                      "CAs there that sign the stations' certificates.");
    return ERR_OK;
}

enum error crl_new(const char *path, const char *client_ca, struct crl **ret_crl,
                   struct fault *fault)
{
    struct crl *crl = calloc(1, sizeof *crl);
    if (crl == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    crl->path = path;
    (void)pthread_rwlock_init(&crl->lock, NULL);
    atomic_init(&crl->generation, 1);
    enum error e = read_authorities(crl, client_ca, fault);
    if (e == ERR_OK && path[0] != '\0') {
        (void)pem_file_is_changed(path, &crl->mark);
        e = load(crl, fault);
    }
    if (e != ERR_OK) {
        crl_free(crl);
        return e;
    }
    *ret_crl = crl;
    return ERR_OK;
}

void crl_free(struct crl *crl)
{
    if (crl == NULL)
        return;
    for (unsigned i = 0; i < crl->authority_count; i++)
        gnutls_x509_crt_deinit(crl->authorities[i]);
    gnutls_free(crl->authorities);
    revoked_clear(&crl->revoked);
    (void)pthread_rwlock_destroy(&crl->lock);
    free(crl);
}

enum error crl_check_progress(struct crl *fresh, const struct crl *crl, struct fault *fault)
{
    return check_progress(&fresh->revoked, &crl->revoked, fault);
}

void crl_adopt(struct crl *crl, struct crl *fresh)
{
    const struct crl old = {.authorities = crl->authorities,
                            .authority_count = crl->authority_count};
    (void)pthread_rwlock_wrlock(&crl->lock);
    struct revoked revoked = crl->revoked;
    crl->revoked = fresh->revoked;
    crl->path = fresh->path;
    (void)pthread_rwlock_unlock(&crl->lock);
    crl->mark = fresh->mark;
    crl->warned_s = 0;
    crl->authorities = fresh->authorities;
    crl->authority_count = fresh->authority_count;
    atomic_store(&crl->is_broken, false);
    (void)atomic_fetch_add(&crl->generation, 1);
    fresh->revoked = revoked;
    fresh->authorities = old.authorities;
    fresh->authority_count = old.authority_count;
    crl_free(fresh);
}

/* ---- asking ---- */

unsigned crl_generation(struct crl *crl)
{
    return atomic_load(&crl->generation);
}

bool crl_holds_any(struct crl *crl, const struct sha256 *names, size_t count)
{
    bool is_held = false;
    (void)pthread_rwlock_rdlock(&crl->lock);
    const struct revoked *revoked = &crl->revoked;
    for (size_t i = 0; i < count && revoked->count > 0 && !is_held; i++)
        is_held = bsearch(&names[i], revoked->names, revoked->count, sizeof names[i],
                          compare_names) != NULL;
    (void)pthread_rwlock_unlock(&crl->lock);
    return is_held;
}

struct crl_state crl_state(struct crl *crl)
{
    (void)pthread_rwlock_rdlock(&crl->lock);
    struct crl_state state = {.condition = CRL_OK,
                              .is_broken = atomic_load(&crl->is_broken),
                              .entries = crl->revoked.count,
                              .next_update_unix_s = crl->revoked.next_update_unix_s};
    bool is_wanted = crl->path[0] != '\0';
    (void)pthread_rwlock_unlock(&crl->lock);
    if (!is_wanted)
        state.condition = CRL_NONE;
    else if (state.next_update_unix_s > 0 && state.next_update_unix_s < clock_unix_ms() / MS_PER_S)
        state.condition = CRL_EXPIRED;
    else if (state.is_broken)
        state.condition = CRL_BROKEN;
    return state;
}
