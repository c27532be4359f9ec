#!/usr/bin/perl
#
# Prints Swift files without comments and without the text of string literals (interpolations stay), line by
# line, for scripts/check-layers: "PATH:LINE:DEPTH:CODE", where DEPTH counts the braces open before the line.
# Roughly: regular expression literals are not known.
#
#   swift-words.pl FILE...
use strict;
use warnings;

# What a comment or literal leaves: its line breaks.
sub breaks { return "\n" x ($_[0] =~ tr/\n//) }

# Takes one string literal off the front of $$text; returns the code within its interpolations.
sub string_literal {
  my ($text) = @_;
  $$text =~ s/^(#*)("""|")// or die;
  my ($hashes, $quote) = ($1, $2);
  my $code = '""';
  while (length $$text) {
    return $code if $$text =~ s/^\Q$quote$hashes\E//;
    if ($$text =~ s/^\\\Q$hashes\E\(//) { $code .= ' ' . stripped($text, 1) . ' ' }
    elsif ($$text =~ s/^\\\Q$hashes\E.//s) { $code .= breaks($&) }
    elsif ($$text =~ s/^.[^\\"\n]*//s)     { $code .= breaks($&) }
  }
  return $code;
}

# The code in $$text; with $nested up to the parenthesis that closes an interpolation.
sub stripped {
  my ($text, $nested) = @_;
  my ($code, $depth) = ('', 0);
  while (length $$text) {
    if    ($$text =~ s{^//[^\n]*}{}) { }
    elsif ($$text =~ m{^/\*})        { $code .= block_comment($text) }
    elsif ($$text =~ /^#*"/)         { $code .= string_literal($text) }
    elsif ($nested && $$text =~ s/^\)//) { return $code if $depth-- == 0; $code .= ')' }
    elsif ($$text =~ s/^\(//) { $depth++; $code .= '(' }
    elsif ($$text =~ s{^(?:[^/"#()]+|.)}{}s) { $code .= $& }
  }
  return $code;
}

sub block_comment {
  my ($text) = @_;
  my ($code, $depth) = ('', 0);
  while ($$text =~ s{^(.*?)(/\*|\*/)}{}s) {
    $code .= breaks($1);
    $depth += $2 eq '/*' ? 1 : -1;
    return $code . ' ' if $depth == 0;
  }
  $$text = '';
  return $code;
}

for my $path (@ARGV) {
  open(my $file, '<', $path) or die "cannot read $path: $!\n";
  my $text = do { local $/; <$file> } // '';
  my ($number, $depth) = (0, 0);
  for my $line (split /\n/, stripped(\$text, 0)) {
    $number++;
    print "$path:$number:$depth:$line\n" if $line =~ /\S/;
    $depth += ($line =~ tr/{//) - ($line =~ tr/}//);
  }
}
