/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* GnuTLS shows neither the extensions of entries nor what is in a distribution point, so those are
 * read here, out of the DER of lists whose signatures were right. Owns no state. */
#include "api/crl_list.h"

#include <string.h>

#define OID_SIZE         64
#define OID_DISTRIBUTION "2.5.29.28" /* issuingDistributionPoint: such a list is only shorter */

#define DER_BOOLEAN      0x01
#define DER_UTC_TIME     0x17
#define DER_TIME         0x18
#define DER_SEQUENCE     0x30
#define DER_INDIRECT     0x84 /* [4] indirectCRL */
#define DER_LONG         0x80
#define DER_LONG_MAX     4 /* bytes of a length */

/* ---- DER ---- */

struct der {
    const uint8_t *at;
    size_t left;
};

static bool take_length(struct der *in, size_t *ret_length)
{
    size_t length = 0;
    if (in->left == 0)
        return false;
    size_t first = *in->at++;
    in->left--;
    if (first < DER_LONG) {
        *ret_length = first;
        return true;
    }
    size_t count = first - DER_LONG;
    if (count == 0 || count > DER_LONG_MAX || count > in->left)
        return false;
    for (size_t i = 0; i < count; i++)
        length = length << 8 | *in->at++;
    in->left -= count;
    *ret_length = length;
    return true;
}

/* The next value and its tag; false at the end, and where the bytes make no sense. */
static bool take(struct der *in, uint8_t *ret_tag, struct der *ret_value)
{
    size_t length = 0;
    if (in->left == 0)
        return false;
    *ret_tag = *in->at++;
    in->left--;
    if (!take_length(in, &length) || length > in->left)
        return false;
    *ret_value = (struct der){.at = in->at, .left = length};
    in->at += length;
    in->left -= length;
    return true;
}

static bool take_sequence(struct der *in, struct der *ret_value)
{
    uint8_t tag = 0;
    return take(in, &tag, ret_value) && tag == DER_SEQUENCE;
}

static bool skip(struct der *in, unsigned count)
{
    struct der value;
    uint8_t tag = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!take(in, &tag, &value))
            return false;
    }
    return true;
}

static bool is_true(const struct der *value)
{
    return value->left != 1 || *value->at != 0;
}

/* ---- extensions ---- */

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_CONFIG, reason, detail, 0);
}

/* A distribution point's indirectCRL. What cannot be read is not taken either. */
static bool is_indirect(const gnutls_datum_t *point)
{
    struct der in = {.at = point->data, .left = point->size};
    struct der members;
    struct der value;
    uint8_t tag = 0;
    if (!take_sequence(&in, &members))
        return true;
    while (members.left > 0) {
        if (!take(&members, &tag, &value) || (tag == DER_INDIRECT && is_true(&value)))
            return true;
    }
    return false;
}

static enum error check_distribution(gnutls_x509_crl_t list, unsigned place, struct fault *fault)
{
    gnutls_datum_t point = {0};
    if (gnutls_x509_crl_get_extension_data2(list, place, &point) != 0)
        return refuse(fault, "client-crl-invalid",
                      "A list of [api] client_crl cannot be read: fetch it from its CA again.");
    bool is_refused = is_indirect(&point);
    gnutls_free(point.data);
    if (is_refused)
        return refuse(fault, "client-crl-indirect",
                      "A list of [api] client_crl is indirect, for certificates of other issuers: "
                      "have each CA issue a list of its own.");
    return ERR_OK;
}

/* A list that holds changes only, or in another sense, would be misread. */
static enum error check_extensions(gnutls_x509_crl_t list, struct fault *fault)
{
    char oid[OID_SIZE];
    unsigned is_critical = 0;
    for (unsigned i = 0;; i++) {
        size_t size = sizeof oid;
        int rc = gnutls_x509_crl_get_extension_info(list, i, oid, &size, &is_critical);
        if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return ERR_OK;
        bool is_distribution = rc == 0 && strcmp(oid, OID_DISTRIBUTION) == 0;
        if (rc != 0 || (is_critical && !is_distribution))
            return refuse(fault, "client-crl-kind",
                          "A list of [api] client_crl has a critical extension that is not known: "
                          "have its CA issue complete lists without it.");
        enum error e = is_distribution ? check_distribution(list, i, fault) : ERR_OK;
        if (e != ERR_OK)
            return e;
    }
}

/* ---- entries ---- */

/* An entry is a number, a time and perhaps extensions; those an OID, perhaps "critical", a value.
 */
static bool is_entry_plain(struct der entry)
{
    struct der value;
    struct der extensions;
    struct der extension;
    uint8_t tag = 0;
    if (!skip(&entry, 2))
        return false;
    if (entry.left == 0)
        return true;
    if (!take_sequence(&entry, &extensions))
        return false;
    while (extensions.left > 0) {
        if (!take_sequence(&extensions, &extension) || !skip(&extension, 1) ||
            !take(&extension, &tag, &value) || (tag == DER_BOOLEAN && is_true(&value)))
            return false;
    }
    return true;
}

static bool are_entries_plain(struct der entries)
{
    struct der entry;
    while (entries.left > 0) {
        if (!take_sequence(&entries, &entry) || !is_entry_plain(entry))
            return false;
    }
    return true;
}

/* The entries are the sequence behind the one or two times; a list of none has no such sequence. */
static bool is_list_plain(const gnutls_datum_t *text)
{
    struct der in = {.at = text->data, .left = text->size};
    struct der list;
    struct der body;
    struct der value;
    bool has_time = false;
    uint8_t tag = 0;
    if (!take_sequence(&in, &list) || !take_sequence(&list, &body))
        return false;
    while (body.left > 0) {
        if (!take(&body, &tag, &value))
            return false;
        if (tag == DER_SEQUENCE && has_time)
            return are_entries_plain(value);
        has_time = has_time || tag == DER_UTC_TIME || tag == DER_TIME;
    }
    return has_time;
}

enum error crl_list_check(gnutls_x509_crl_t list, struct fault *fault)
{
    gnutls_datum_t text = {0};
    enum error e = check_extensions(list, fault);
    if (e != ERR_OK)
        return e;
    if (gnutls_x509_crl_export2(list, GNUTLS_X509_FMT_DER, &text) != 0)
        return refuse(fault, "client-crl-invalid",
                      "A list of [api] client_crl cannot be read: fetch it from its CA again.");
    bool is_plain = is_list_plain(&text);
    gnutls_free(text.data);
    if (!is_plain)
        return refuse(fault, "client-crl-entry",
                      "An entry of a list of [api] client_crl has a critical extension, which is "
                      "not known: have its CA issue lists without it.");
    return ERR_OK;
}

/* ---- which is newer ---- */

static bool read_number(gnutls_x509_crl_t list, uint8_t out[CRL_NUMBER_MAX])
{
    uint8_t number[CRL_NUMBER_MAX];
    size_t size = sizeof number;
    unsigned is_critical = 0;
    int rc = gnutls_x509_crl_get_number(list, number, &size, &is_critical);
    memset(out, 0, CRL_NUMBER_MAX);
    if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return true;
    if (rc != 0)
        return false;
    memcpy(out + CRL_NUMBER_MAX - size, number, size);
    return true;
}

/* The distribution point's bytes behind the issuer; a list of everything has none. */
static bool read_scope(gnutls_x509_crl_t list, const struct sha256 *issuer,
                       struct sha256 *ret_scope)
{
    struct sha256 parts[2] = {*issuer};
    char oid[OID_SIZE];
    unsigned is_critical = 0;
    size_t size = sizeof oid;
    for (unsigned i = 0; gnutls_x509_crl_get_extension_info(list, i, oid, &size, &is_critical) == 0;
         i++) {
        gnutls_datum_t point = {0};
        size = sizeof oid;
        if (strcmp(oid, OID_DISTRIBUTION) != 0)
            continue;
        if (gnutls_x509_crl_get_extension_data2(list, i, &point) != 0)
            return false;
        parts[1] = sha256_of(bytes_of(point.data, point.size));
        gnutls_free(point.data);
    }
    *ret_scope = sha256_of(bytes_of(parts, sizeof parts));
    return true;
}

enum error crl_list_mark(gnutls_x509_crl_t list, const struct sha256 *issuer,
                         struct crl_mark *ret_mark, struct fault *fault)
{
    struct crl_mark mark = {.this_update_unix_s = gnutls_x509_crl_get_this_update(list)};
    if (!read_number(list, mark.number) || !read_scope(list, issuer, &mark.scope))
        return refuse(fault, "client-crl-invalid",
                      "A list of [api] client_crl has a number or a distribution point that cannot "
                      "be read: fetch it from its CA again.");
    *ret_mark = mark;
    return ERR_OK;
}

bool crl_mark_is_older(const struct crl_mark *mark, const struct crl_mark *than)
{
    return mark->this_update_unix_s < than->this_update_unix_s ||
           memcmp(mark->number, than->number, CRL_NUMBER_MAX) < 0;
}
