#!/usr/bin/perl
#
# Attaches a new file without a name to a loop device that detaches itself: whatever happens to whom, the kernel
# removes both when the last descriptor closes. losetup(8) can set neither in the same call.
#
#   unnamed-loop.pl DESCRIPTOR DIRECTORY SIZE SECTOR_SIZE
#
# DESCRIPTOR is the loop device's, inherited, open for reading and writing. Exits 16 where it is taken already.
use strict;
use warnings;
use Fcntl qw(O_RDWR O_DIRECTORY);
use Errno qw(EBUSY);

my $O_TMPFILE      = 020000000 | O_DIRECTORY;    # open(2)
my $LOOP_CONFIGURE = 0x4C0A;                     # <linux/loop.h>, since Linux 5.8
my $LO_FLAGS_AUTOCLEAR = 4;
my $LO_FLAGS_DIRECT_IO = 16;

my ($descriptor, $directory, $size, $sector_size) = @ARGV;
defined $sector_size or die "usage: see the head of $0\n";
open(my $device, '+<&=', $descriptor)              or die "cannot use descriptor $descriptor: $!\n";
sysopen(my $file, $directory, $O_TMPFILE | O_RDWR, 0600) or die "cannot make a file without a name in $directory: $!\n";
truncate($file, $size)                             or die "cannot give a file in $directory $size bytes: $!\n";

# struct loop_config: fd, block_size; loop_info64: five u64 (offset and size limit the last two), number,
# encrypt_type, encrypt_key_size, flags, two names of 64 and a key of 32 bytes, two u64; reserved.
my $config = pack 'L L Q5 L4 x64 x64 x32 Q2 Q8', fileno $file, $sector_size, (0) x 5, 0, 0, 0,
  $LO_FLAGS_AUTOCLEAR | $LO_FLAGS_DIRECT_IO, (0) x 10;
length $config == 304 or die "struct loop_config is 304 bytes, not ${\length $config}\n";
unless (ioctl $device, $LOOP_CONFIGURE, $config) {
  exit 16 if $! == EBUSY;
  die "cannot attach a file in $directory to a loop device: $!\n";
}
