#!/usr/bin/perl
#
# Fills and changes files and block devices by seed; called by scripts/loopdev. Perl, since Debian's essential
# perl-base is on every host, and the shell cannot seek. The same seed gives the same bytes on every machine:
# Perl brings its own generator (drand48, since 5.20).
#
#   blocks.pl fill SEED FILE             writes random bytes to the ranges "OFFSET LENGTH" on standard input
#   blocks.pl mutate SEED PATTERN RATE FILE [OFFSET LENGTH]
#                                        changes RATE percent of the 4 KiB blocks (of that range, where one is
#                                        named), and prints the changed ranges, "OFFSET LENGTH", ascending
use strict;
use warnings;
use Fcntl qw(O_RDWR O_EXCL SEEK_SET SEEK_END);
use IO::Handle;

my $block = 4096;
my $run   = 16;         # blocks, in the pattern "runs"
my $piece = 1 << 20;    # bytes that `fill` makes at once

# Opens for reading and writing. A block device is claimed, which the kernel refuses while it is mounted.
sub open_whole {
  my ($path) = @_;
  my $flags = O_RDWR | (-b $path ? O_EXCL : 0);
  sysopen(my $file, $path, $flags) or die "cannot open $path for writing: $!\n";
  my $size = sysseek($file, 0, SEEK_END);
  defined $size or die "cannot find the size of $path: $!\n";
  return ($file, $size + 0);
}

sub read_at {
  my ($file, $offset, $length) = @_;
  sysseek($file, $offset, SEEK_SET) or die "cannot seek to byte $offset: $!\n";
  my $count = sysread($file, my $bytes, $length);
  defined $count && $count == $length or die "cannot read $length bytes at byte $offset: $!\n";
  return $bytes;
}

sub write_at {
  my ($file, $offset, $bytes) = @_;
  sysseek($file, $offset, SEEK_SET) or die "cannot seek to byte $offset: $!\n";
  my $count = syswrite($file, $bytes);
  defined $count && $count == length $bytes or die "cannot write at byte $offset: $!\n";
}

sub finish {
  my ($file, $path) = @_;
  $file->sync && close $file or die "cannot flush $path: $!\n";
}

# A pool of random bytes; two places in it, combined, give a fresh piece at the speed of memory.
sub make_pool { return pack 'N*', map { int rand 2**32 } 1 .. 3 * $piece / 4 }

sub random_piece {
  my ($pool, $length) = @_;
  my $first  = 8 * int rand $piece / 8;
  my $second = $piece + 8 * int rand $piece / 8;
  return substr($$pool, $first, $length) ^ substr($$pool, $second, $length);
}

sub fill {
  my ($path) = @_;
  my ($file) = open_whole($path);
  my $pool = make_pool();
  while (my $line = <STDIN>) {
    my ($offset, $left) = $line =~ /^(\d+) (\d+)$/ or die "not a range: $line";
    while ($left > 0) {
      my $length = $left < $piece ? $left : $piece;
      write_at($file, $offset, random_piece(\$pool, $length));
      $offset += $length;
      $left   -= $length;
    }
  }
  finish($file, $path);
}

# `count` different numbers below `limit`, each set as likely as any other (Floyd), ascending.
sub sample {
  my ($count, $limit) = @_;
  my %chosen;
  for my $top ($limit - $count .. $limit - 1) {
    my $number = int rand($top + 1);
    $chosen{ exists $chosen{$number} ? $top : $number } = 1;
  }
  return sort { $a <=> $b } keys %chosen;
}

sub chosen_blocks {
  my ($pattern, $count, $blocks) = @_;
  return 0 .. $count - 1                   if $pattern eq 'head';
  return $blocks - $count .. $blocks - 1   if $pattern eq 'tail';
  return map { int($_ * $blocks / $count) } 0 .. $count - 1 if $pattern eq 'even';
  return sample($count, $blocks)           if $pattern =~ /^(random|bits|zeros)$/;
  $pattern eq 'runs' or die "unknown pattern '$pattern'\n";
  my $slots  = int(($blocks + $run - 1) / $run);
  my $needed = int(($count + $run - 1) / $run);
  my @within = map { my $slot = $_; grep { $_ < $blocks } $slot * $run .. $slot * $run + $run - 1 }
    sample($needed, $slots);
  $count = @within if $count > @within;    # the last slot may be a short one
  return @within[0 .. $count - 1];
}

# The block's new bytes: never the old ones, except that zeros stay zeros.
sub changed {
  my ($pattern, $old) = @_;
  my $length = length $old;
  return "\0" x $length if $pattern eq 'zeros';
  if ($pattern eq 'bits') {
    my $bit = int rand(8 * $length);
    vec($old, $bit, 1) ^= 1;
    return $old;
  }
  my $new = pack 'N*', map { int rand 2**32 } 1 .. ($length + 3) / 4;
  $new = substr $new, 0, $length;
  vec($new, 0, 1) ^= 1 if $new eq $old;
  return $new;
}

sub mutate {
  my ($pattern, $rate, $path, $first, $length) = @_;
  my ($file, $size) = open_whole($path);
  $first //= 0;
  $length //= $size - $first;
  $first % $block == 0 && $first + $length <= $size or die "the range is not one of blocks of $path\n";
  my $blocks = int(($length + $block - 1) / $block);
  my $count  = int($blocks * $rate / 100 + 0.5);
  $count = 1       if $count < 1 && $rate > 0 && $blocks > 0;
  $count = $blocks if $count > $blocks;
  my ($start, $end) = (0, 0);
  my $limit = $first + $length;
  for my $number (chosen_blocks($pattern, $count, $blocks)) {
    my $offset = $first + $number * $block;
    my $bytes = $offset + $block > $limit ? $limit - $offset : $block;
    my $old   = read_at($file, $offset, $bytes);
    my $new   = changed($pattern, $old);
    next if $new eq $old;
    write_at($file, $offset, $new);
    if ($offset != $end) {
      print "$start ", $end - $start, "\n" if $end > $start;
      $start = $offset;
    }
    $end = $offset + $bytes;
  }
  print "$start ", $end - $start, "\n" if $end > $start;
  finish($file, $path);
}

my ($command, $seed, @rest) = @ARGV;
defined $seed or die "usage: see the head of $0\n";
srand $seed;
if    ($command eq 'fill'   && @rest == 1) { fill(@rest) }
elsif ($command eq 'mutate' && (@rest == 3 || @rest == 5)) { mutate(@rest) }
else                                       { die "usage: see the head of $0\n" }
