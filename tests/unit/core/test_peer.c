/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Who may open a socket: root, the own user, and whom the configuration names. */
#include "core/peer.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

#include "support/run.h"

/* A user that every Debian has, and that these tests are not. */
static struct rpc_peer somebody(void)
{
    const struct passwd *nobody = getpwnam("nobody");
    ck_assert_ptr_nonnull(nobody);
    ck_assert_uint_ne(nobody->pw_uid, geteuid());
    return (struct rpc_peer){.uid = nobody->pw_uid, .gid = nobody->pw_gid, .pid = 1};
}

START_TEST(root_and_the_own_user_are_always_allowed)
{
    const struct rpc_peer root = {.uid = 0};
    const struct rpc_peer self = {.uid = geteuid(), .gid = getegid()};
    ck_assert(peer_is_user(&root, ""));
    ck_assert(peer_is_user(&self, ""));
    ck_assert(peer_is_in_group(&root, ""));
    ck_assert(peer_is_in_group(&self, ""));
}
END_TEST

START_TEST(another_user_is_allowed_by_name_alone)
{
    const struct rpc_peer peer = somebody();
    ck_assert(peer_is_user(&peer, "nobody"));
    ck_assert(!peer_is_user(&peer, "daemon"));
    ck_assert(!peer_is_user(&peer, "no-such-user"));
    ck_assert(!peer_is_user(&peer, ""));
}
END_TEST

START_TEST(another_user_is_allowed_by_group_alone)
{
    const struct rpc_peer peer = somebody();
    const struct group *own = getgrgid(peer.gid);
    ck_assert_ptr_nonnull(own);
    ck_assert(peer_is_in_group(&peer, own->gr_name));
    ck_assert(!peer_is_in_group(&peer, "daemon"));
    ck_assert(!peer_is_in_group(&peer, "no-such-group"));
    ck_assert(!peer_is_in_group(&peer, ""));
}
END_TEST

START_TEST(a_user_that_does_not_exist_is_nobodys_member)
{
    const struct rpc_peer ghost = {.uid = 4000000, .gid = 4000000};
    ck_assert(!peer_is_user(&ghost, "nobody"));
    ck_assert(!peer_is_in_group(&ghost, "daemon"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        root_and_the_own_user_are_always_allowed,
        another_user_is_allowed_by_name_alone,
        another_user_is_allowed_by_group_alone,
        a_user_that_does_not_exist_is_nobodys_member,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "peer", .timeout_s = 30, .tests = tests});
}
