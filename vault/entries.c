/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* From the ledger's rows to messages. Owns no state. */
#include "vault/entries.h"

#include <assert.h>
#include <string.h>

#include "vault/hsm_watch.h"
#include "vault/listing.h"
#include "vault/scope.h"
#include "vault/usage.h"
#include "vault/product_crls.h"

static_assert((int)PROVISIOND__ROLE__ROLE_STATION == (int)LEDGER_STATION &&
                  (int)PROVISIOND__ROLE__ROLE_OPERATOR == (int)LEDGER_OPERATOR &&
                  (int)PROVISIOND__ROLE__ROLE_AUDITOR == (int)LEDGER_AUDITOR &&
                  (int)PROVISIOND__ROLE__ROLE_ADMINISTRATOR == (int)LEDGER_ADMINISTRATOR &&
                  (int)PROVISIOND__ROLE__ROLE_METRICS == (int)LEDGER_METRICS,
              "a message's roles are the ledger's");

static ProtobufCBinaryData data_of(struct sha256 *digest)
{
    return (ProtobufCBinaryData){.len = SHA256_SIZE, .data = digest->bytes};
}

/* ---- products ---- */

bool entry_add_product(void *context, const struct ledger_product *product)
{
    struct product_row *row = listing_add(context);
    if (row != NULL)
        row->product = *product;
    return row != NULL;
}

const char *entry_state_word(const struct governance_view *view)
{
    if (view->verdict.code == ERR_OK)
        return "ok";
    return view->verdict.code == ERR_PRODUCT_TAMPERED ? "tampered" : "unchecked";
}

static void fill_members(struct product_row *row)
{
    for (size_t i = 0; i < row->view.member_count; i++) {
        provisiond__authority_entry__init(&row->members[i]);
        row->members[i].key = data_of(&row->view.members[i]);
        row->members[i].name = row->view.names[i];
        row->links[i] = &row->members[i];
    }
    row->entry.n_members = row->view.member_count;
    row->entry.members = row->links;
}

/* Who governs the product, and whether it is as they say. */
static void fill_governance(struct vault *vault, struct product_row *row)
{
    Provisiond__ProductEntry *entry = &row->entry;
    governance_show(vault->governance, row->product.id, &row->view);
    entry->governed = row->product.is_governed;
    entry->sequence = row->product.sequence;
    entry->state = (char *)(uintptr_t)entry_state_word(&row->view);
    entry->state_detail = row->view.verdict.detail;
    if (!row->product.is_governed)
        return;
    entry->authorities = data_of(&row->product.authorities);
    if (row->view.threshold > 0)
        entry->first_authorities = data_of(&row->view.first_authorities);
    entry->threshold = row->view.threshold;
}

/* No token has the one-step KDF of jwe. RSA keys and tokens in token mode need no host; how a token
 * agrees with other keys than P-256 is found out at the first wrap. */
static const char *wrapping_word(struct vault *vault, const struct ledger_product *product)
{
    struct hsm_status status;
    struct fault fault;
    const struct license_profile *profile = license_profile_find(product->profile);
    if (profile == NULL)
        return "";
    if (license_exposes_session_key(profile))
        return "exposed";
    if (!license_serves(profile, LICENSE_P256))
        return "token";
    (void)hsm_watch_show(vault->watch, &status, &fault);
    if (status.mode == HSM_TOKEN_MODE && strcmp(product->profile, "jwe") != 0)
        return "token";
    return status.mode == 0 ? "" : "host";
}

void entry_fill_product(struct vault *vault, struct product_row *row, bool with_members)
{
    provisiond__product_entry__init(&row->entry);
    row->entry.name = row->product.name;
    row->entry.profile = row->product.profile;
    row->entry.policy = (char *)(uintptr_t)policy_word(row->product.policy);
    row->entry.enabled = row->product.is_enabled;
    row->entry.quota = row->product.quota;
    row->entry.used = row->product.used;
    row->entry.allow_session_key_exposure = row->product.allows_key_exposure;
    row->entry.options = row->product.options;
    row->entry.wrapping = (char *)(uintptr_t)wrapping_word(vault, &row->product);
    row->entry.attempts_max = row->product.attempts_max;
    const struct product_crls crls = product_crls_of(&row->product);
    row->entry.crls = (uint32_t)row->product.crls.lists;
    row->entry.crls_wanted = crls.is_wanted;
    row->entry.crls_until_unix_ms = crls.until_unix_ms;
    fill_governance(vault, row);
    if (with_members)
        fill_members(row);
}

/* ---- images ---- */

static ProtobufCBinaryData view_of(const uint8_t *bytes, size_t length)
{
    return (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)bytes};
}

static void fill_content(struct image_row *row)
{
    if (row->content == NULL)
        return;
    row->entry.content = (char *)(uintptr_t)row->content->name;
    row->entry.iv = view_of(row->image.iv, row->image.iv_length);
    row->entry.tag = view_of(row->image.tag, row->image.tag_length);
    row->entry.aad = view_of(row->content->aad, row->content->aad_length);
}

void entry_fill_image(struct image_row *row)
{
    provisiond__image_entry__init(&row->entry);
    row->entry.image = data_of(&row->image.digest);
    row->entry.label = row->image.label;
    row->entry.size = (uint64_t)row->image.size;
    row->entry.enabled = row->image.is_enabled;
    row->entry.created_unix_ms = row->image.created_unix_ms;
    row->entry.latest = row->is_latest;
    row->entry.alias = row->image.alias;
    row->entry.product = row->product;
    fill_content(row);
}

/* One product's images while they are read. */
struct image_reading {
    const struct image_search *search;
    const struct ledger_product *product;
    const struct license_profile *profile; /* NULL: this build does not know it */
    int64_t latest;                        /* id of the newest enabled one until now */
};

static bool add_image(void *context, const struct ledger_image *image)
{
    struct image_reading *reading = context;
    const struct sha256 *digest = reading->search->digest;
    if (image->is_enabled)
        reading->latest = image->id;
    if (digest != NULL && !sha256_equal(digest, &image->digest))
        return true;
    struct image_row *row = listing_add(reading->search->listing);
    if (row == NULL)
        return false;
    row->image = *image;
    row->content =
        reading->profile != NULL ? license_content_find(reading->profile, image->content) : NULL;
    strcpy(row->product, reading->product->name);
    return true;
}

enum error entry_find_images(struct ledger *ledger, const struct ledger_product *product,
                             struct image_search *search, struct fault *fault)
{
    struct image_reading reading = {.search = search,
                                    .product = product,
                                    .profile = license_profile_find(product->profile),
                                    .latest = -1};
    enum error e = ledger_images_each(ledger, product->id, add_image, &reading, fault);
    for (size_t i = 0; e == ERR_OK && i < search->listing->count; i++) {
        struct image_row *row = listing_at(search->listing, i);
        row->is_latest = row->is_latest || row->image.id == reading.latest;
    }
    return e;
}

/* ---- accepted documents ---- */

bool entry_add_grant(void *context, const struct ledger_document *document)
{
    struct grant_row *row = listing_add(context);
    if (row == NULL)
        return false;
    row->document = *document;
    row->document.document = bytes_of(NULL, 0);
    row->digest = sha256_of(document->document);
    return true;
}

void entry_fill_grant(struct grant_row *row)
{
    struct ledger_document *document = &row->document;
    provisiond__grant_entry__init(&row->entry);
    row->entry.grant_id = (ProtobufCBinaryData){.len = UUID_SIZE, .data = document->id.bytes};
    row->entry.kind = (char *)(uintptr_t)grant_kind_name((enum grant_kind)document->kind);
    row->entry.units = document->units;
    row->entry.taken = document->taken;
    row->entry.lot = document->lot;
    row->entry.sequence = document->sequence;
    row->entry.accepted_unix_ms = document->accepted_unix_ms;
    row->entry.document = data_of(&row->digest);
    row->entry.product = document->product;
    row->entry.journal_index = document->journal_index;
}

/* ---- principals ---- */

static void fill_keys(struct principal_row *row)
{
    for (size_t i = 0; i < row->principal.key_count; i++) {
        provisiond__principal_key__init(&row->keys[i]);
        row->keys[i].spki = data_of(&row->principal.keys[i].spki);
        row->keys[i].added_unix_ms = row->principal.keys[i].added_unix_ms;
        row->key_links[i] = &row->keys[i];
    }
    row->entry.n_keys = row->principal.key_count;
    row->entry.keys = row->key_links;
}

/* A list's names, cut apart where they stand; those that list_of_seer has. */
static size_t cut(char *list, const char *list_of_seer, char *links[LEDGER_SCOPE_NAMES_MAX])
{
    size_t count = 0;
    for (char *end = strchr(list, '\n'); end != NULL; end = strchr(list, '\n')) {
        *end = '\0';
        if (count < LEDGER_SCOPE_NAMES_MAX && ledger_scope_has(list_of_seer, list))
            links[count++] = list;
        list = end + 1;
    }
    return count;
}

void entry_fill_principal(struct principal_row *row, const struct ledger_principal *seer)
{
    provisiond__principal_entry__init(&row->entry);
    row->entry.name = row->principal.name;
    row->entry.role = (Provisiond__Role)row->principal.role;
    row->entry.enabled = row->principal.is_enabled;
    fill_keys(row);
    row->entry.n_products = cut(row->principal.scope.products,
                                seer != NULL ? seer->scope.products : "", row->product_links);
    row->entry.products = row->product_links;
    row->entry.n_lines = cut(row->principal.scope.lines, "", row->line_links);
    row->entry.lines = row->line_links;
}

static bool is_sought(const struct principal_search *search,
                      const struct ledger_principal *principal)
{
    return (search->role == LEDGER_ROLE_ANY || search->role == principal->role) &&
           (search->name[0] == '\0' || strcmp(search->name, principal->name) == 0) &&
           (search->seer == NULL || scope_products_meet(&search->seer->scope, &principal->scope));
}

static bool add_principal(void *context, const struct ledger_principal *principal)
{
    struct principal_search *search = context;
    if (!is_sought(search, principal))
        return true;
    struct principal_row *row = listing_add(search->listing);
    if (row != NULL)
        row->principal = *principal;
    return row != NULL;
}

enum error entry_find_principals(struct ledger *ledger, struct principal_search *search,
                                 struct fault *fault)
{
    enum error e = ledger_principals_each(ledger, add_principal, search, fault);
    if (e == ERR_OK && search->name[0] != '\0' && search->listing->count == 0)
        e = fault_set(fault, ERR_PRINCIPAL_UNKNOWN, "principal-unknown",
                      "There is no principal of this name and role.", 0);
    return e;
}
