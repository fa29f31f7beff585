/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The anchor: a checkpoint note in a data object. No token changes a value in place, so the new
 * object is made before the old one goes. Owns no state.
 */
#include "hsm/p11.h"

#include <string.h>

#include "core/crash_point.h"
#include "hsm/hsm_checkpoint.h"

#define ANCHORS_MAX 8 /* a cut leaves two; the next write clears up first */

static const char LABEL[] = "provisiond-anchor";
static const char RETIRED_LABEL[] = "provisiond-retired"; /* beside the last anchor; never goes */

/* All objects of that name, and the one that counts. */
struct anchors {
    CK_OBJECT_HANDLE handles[ANCHORS_MAX];
    size_t count;
    size_t newest; /* index of the one that counts, when there is any */
    struct hsm_anchor anchor;
    struct hsm_checkpoint head; /* what the anchor says */
    bool is_note;               /* it is one; else it is whatever somebody put there */
    bool is_unreadable;         /* one was not even short enough for a note */
};

static const char *label_of(const struct p11 *p11)
{
    return p11->anchor_label != NULL ? p11->anchor_label : LABEL;
}

static enum error look_at(struct p11 *p11, size_t index, struct anchors *anchors,
                          struct fault *fault)
{
    struct hsm_anchor anchor;
    struct hsm_checkpoint head = {.size = 0};
    enum error e = p11_read_data(p11, anchors->handles[index], anchor.note, HSM_ANCHOR_MAX,
                                 &anchor.length, fault);
    if (e == ERR_TOO_LARGE) {
        anchors->is_unreadable = true;
        return ERR_OK;
    }
    if (e != ERR_OK)
        return e;
    bool is_note = hsm_checkpoint_read_note(bytes_of(anchor.note, anchor.length), &head);
    bool is_newer =
        is_note ? !anchors->is_note || head.size > anchors->head.size : anchors->anchor.length == 0;
    if (!is_newer)
        return ERR_OK;
    anchor.note[anchor.length] = '\0';
    anchors->anchor = anchor;
    anchors->head = head;
    anchors->is_note = is_note;
    anchors->newest = index;
    return ERR_OK;
}

static enum error look(struct p11 *p11, struct anchors *ret_anchors, struct fault *fault)
{
    struct p11_found found = {.handles = ret_anchors->handles, .max = ANCHORS_MAX};
    *ret_anchors = (struct anchors){.count = 0};
    enum error e = p11_require_data(p11, fault);
    if (e == ERR_OK)
        e = p11_find_data(p11, label_of(p11), &found, fault);
    for (size_t i = 0; i < found.count && e == ERR_OK; i++)
        e = look_at(p11, i, ret_anchors, fault);
    ret_anchors->count = found.count;
    return e;
}

enum error p11_read_anchor(struct p11 *p11, struct hsm_anchor *ret_anchor, struct fault *fault)
{
    struct anchors anchors;
    enum error e = look(p11, &anchors, fault);
    if (e != ERR_OK)
        return e;
    if (anchors.anchor.length == 0 && anchors.is_unreadable)
        return fault_set(
            fault, ERR_CONFLICT, "anchor-foreign",
            "The token holds an anchor that no provisiond wrote: find out who did, and "
            "remove it with the token's own tool.",
            0);
    *ret_anchor = anchors.anchor;
    return p11_is_retired(p11, &ret_anchor->is_retired, fault);
}

enum error p11_is_retired(struct p11 *p11, bool *ret_is_retired, struct fault *fault)
{
    CK_OBJECT_HANDLE handles[1];
    struct p11_found found = {.handles = handles, .max = 1};
    enum error e = p11_require_data(p11, fault);
    if (e == ERR_OK)
        e = p11_find_data(p11, RETIRED_LABEL, &found, fault);
    if (e == ERR_OK)
        *ret_is_retired = found.count > 0;
    return e;
}

/* After the last anchor there is that head alone, by whichever key it is signed. */
static enum error check_end(struct p11 *p11, const struct anchors *anchors,
                            const struct hsm_checkpoint *head, struct fault *fault)
{
    bool is_retired = false;
    enum error e = p11_is_retired(p11, &is_retired, fault);
    bool is_same = anchors->is_note && head->size == anchors->head.size &&
                   sha256_equal(&head->root, &anchors->head.root);
    if (e != ERR_OK || !is_retired || is_same)
        return e;
    return fault_set(fault, ERR_HSM_RETIRED, "retired",
                     "The journal of this HSM has ended: it takes no other anchor.", 0);
}

/* Back, sideways, or over what is no note: for an override alone. */
static enum error check_order(const struct anchors *anchors, const struct hsm_checkpoint *head,
                              struct fault *fault)
{
    if (anchors->is_note && head->size < anchors->head.size)
        return fault_set(fault, ERR_CONFLICT, "anchor-larger",
                         "The token holds the anchor of a larger journal.", 0);
    bool is_other = anchors->is_note ? head->size == anchors->head.size &&
                                           !sha256_equal(&head->root, &anchors->head.root)
                                     : anchors->anchor.length > 0 || anchors->is_unreadable;
    if (is_other)
        return fault_set(fault, ERR_CONFLICT, "anchor-other",
                         "The token holds the anchor of another journal.", 0);
    return ERR_OK;
}

static enum error destroy(struct p11 *p11, CK_OBJECT_HANDLE object, struct fault *fault)
{
    CK_RV rv = p11->call->C_DestroyObject(p11->session, object);
    return rv == CKR_OK ? ERR_OK : p11_fail(p11, rv, fault);
}

/* Whatever does not count goes before one more is made: never are there more than two. */
static enum error clear_up(struct p11 *p11, const struct anchors *anchors, struct fault *fault)
{
    enum error e = ERR_OK;
    for (size_t i = 0; i < anchors->count && e == ERR_OK; i++) {
        if (i != anchors->newest)
            e = destroy(p11, anchors->handles[i], fault);
    }
    return e;
}

static enum error replace(struct p11 *p11, const struct anchors *anchors, struct bytes note,
                          struct fault *fault)
{
    enum error e = p11_create_data(p11, label_of(p11), note, true, fault);
    if (e != ERR_OK || anchors->count == 0)
        return e;
    crash_point("hsm-worker.between-anchors");
    return destroy(p11, anchors->handles[anchors->newest], fault);
}

/* Two vaults on one token would write over each other for ever. */
static enum error check_holder(const struct anchors *anchors, struct bytes note,
                               const struct sha256 *replaces, struct fault *fault)
{
    const struct sha256 kept = sha256_of(bytes_of(anchors->anchor.note, anchors->anchor.length));
    const struct sha256 made = sha256_of(note);
    if (sha256_equal(&kept, replaces) || sha256_equal(&kept, &made))
        return ERR_OK;
    return fault_set(fault, ERR_CONFLICT, "anchor-taken",
                     "Somebody else wrote the token's anchor since it was last read.", 0);
}

enum error p11_write_anchor(struct p11 *p11, struct bytes note, const struct sha256 *replaces,
                            bool replaces_larger, struct fault *fault)
{
    struct anchors anchors;
    struct hsm_checkpoint head;
    if (!hsm_checkpoint_read_note(note, &head))
        return fault_set(fault, ERR_BAD_REQUEST, "anchor-form", "An anchor is a note.", 0);
    enum error e = look(p11, &anchors, fault);
    if (e == ERR_OK)
        e = check_end(p11, &anchors, &head, fault);
    if (e == ERR_OK)
        e = check_holder(&anchors, note, replaces, fault);
    if (e == ERR_OK && !replaces_larger)
        e = check_order(&anchors, &head, fault);
    if (e == ERR_OK)
        e = clear_up(p11, &anchors, fault);
    if (e == ERR_OK)
        e = replace(p11, &anchors, note, fault);
    if (e == ERR_OK && replaces_larger)
        p11_make_durable(); /* a larger one that came back would count again */
    return e;
}

enum error p11_end_anchor(struct p11 *p11, struct bytes note, const struct sha256 *replaces,
                          struct fault *fault)
{
    static const uint8_t VALUE[] = {1};
    bool is_retired = false;
    enum error e = p11_write_anchor(p11, note, replaces, false, fault);
    if (e == ERR_OK)
        e = p11_is_retired(p11, &is_retired, fault);
    if (e != ERR_OK || is_retired)
        return e;
    crash_point("hsm-worker.before-retired");
    return p11_create_data(p11, RETIRED_LABEL, bytes_of(VALUE, sizeof VALUE), false, fault);
}
