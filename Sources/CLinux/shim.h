// Linux system calls that Swift's Glibc module leaves out.
//
// _GNU_SOURCE is not defined here on purpose: it breaks debug builds (fd_set), so accept4 and
// pthread_setname_np are declared by hand.

#pragma once

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
int pthread_setname_np(pthread_t thread, const char *name);

// Swift's Glibc module has posix_spawn without these two.
#include <spawn.h>
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
