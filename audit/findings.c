/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Lists of findings by rank, with a count for each kind. */
#include "audit/findings.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Doubles when the number of items is a power of two. */
static void *make_room(void *items, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return items;
    return realloc(items, (count == 0 ? 1 : 2 * count) * size);
}

/* The kind of that word, new when it is the first; NULL when memory is out. */
static struct audit_finding_kind *find_kind(struct findings *findings, const char *word)
{
    for (size_t i = 0; i < findings->kind_count; i++) {
        if (strcmp(findings->kinds[i].word, word) == 0)
            return &findings->kinds[i];
    }
    struct audit_finding_kind *kinds =
        make_room(findings->kinds, findings->kind_count, sizeof *kinds);
    if (kinds == NULL)
        return NULL;
    findings->kinds = kinds;
    struct audit_finding_kind *kind = &kinds[findings->kind_count++];
    *kind = (struct audit_finding_kind){.count = 0};
    (void)snprintf(kind->word, sizeof kind->word, "%s", word);
    return kind;
}

static struct audit_finding *add_item(struct finding_list *list)
{
    struct audit_finding *items = make_room(list->items, list->count, sizeof *items);
    if (items == NULL)
        return NULL;
    list->items = items;
    return &items[list->count++];
}

void findings_add(struct findings *findings, enum finding_rank rank, const char *word, int64_t leaf,
                  const char *format, ...)
{
    va_list arguments;
    findings->total++;
    struct audit_finding_kind *kind = find_kind(findings, word);
    if (kind != NULL && kind->count++ >= AUDIT_FINDINGS_MAX)
        return;
    struct audit_finding *item = kind != NULL ? add_item(&findings->lists[rank]) : NULL;
    if (item == NULL) {
        findings->is_out_of_memory = true;
        return;
    }
    item->leaf = leaf;
    (void)snprintf(item->word, sizeof item->word, "%s", word);
    int at = leaf < 0 ? 0 : snprintf(item->text, sizeof item->text, "Leaf %lld: ", (long long)leaf);
    va_start(arguments, format);
    (void)vsnprintf(item->text + at, sizeof item->text - (size_t)at, format, arguments);
    va_end(arguments);
    if (leaf >= 0) /* "Leaf 17: it says" */
        item->text[at] = (char)tolower((unsigned char)item->text[at]);
}

static enum error join(struct findings *findings, struct audit_report *report, struct fault *fault)
{
    size_t count = 0;
    for (int rank = 0; rank < RANK_COUNT; rank++)
        count += findings->lists[rank].count;
    struct audit_finding *items = calloc(count + 1, sizeof *items);
    if (items == NULL || findings->is_out_of_memory) {
        free(items);
        return fault_set(fault, ERR_INTERNAL, "memory", "There is not enough memory for the audit.",
                         0);
    }
    report->findings = items;
    for (int rank = 0; rank < RANK_COUNT; rank++) {
        const struct finding_list *list = &findings->lists[rank];
        if (list->count > 0)
            memcpy(&items[report->finding_count], list->items, list->count * sizeof *items);
        report->finding_count += list->count;
    }
    return ERR_OK;
}

enum error findings_move(struct findings *findings, struct audit_report *report,
                         struct fault *fault)
{
    enum error e = join(findings, report, fault);
    if (e != ERR_OK)
        return e;
    report->finding_total = findings->total;
    report->kinds = findings->kinds;
    report->kind_count = findings->kind_count;
    findings->kinds = NULL;
    findings_clear(findings);
    return ERR_OK;
}

void findings_clear(struct findings *findings)
{
    for (int rank = 0; rank < RANK_COUNT; rank++)
        free(findings->lists[rank].items);
    free(findings->kinds);
    *findings = (struct findings){.total = 0};
}
