# Turns option descriptions in strongSwan's format (see its
# conf/format-options.py) into a configuration snippet or the part of a man page
#
# usage: awk -v mode=conf|man -f format-options.awk FILE.opt
#
# The snippet is the innermost section that the options are in, with the short
# descriptions as comments.  Options with := as assignment are set in it, the
# others are there as comments, with their default.

BEGIN {
	paragraphs = 0
	indent = "    "
}

# words of a line, to be continued
function add(text)
{
	sub(/^[ \t]+/, "", text)
	paragraph[paragraphs] = paragraph[paragraphs] (paragraph[paragraphs] == "" ? "" : " ") text
}

# replaces the marks around bold and italic words
function markup(text, bold, italic, end,    found, before, after, first, rest)
{
	while (match(text, /\*\*[^*]+\*\*/))
	{
		text = substr(text, 1, RSTART - 1) bold substr(text, RSTART + 2, RLENGTH - 4) end \
			substr(text, RSTART + RLENGTH)
	}
	# an underscore within a word is one
	while (match(text, /(^|[ (])_[^_ ][^ ]*([ _][^ ]+)*_([ .,:;)]|$)/))
	{
		found = substr(text, RSTART, RLENGTH)
		before = substr(text, 1, RSTART - 1)
		after = substr(text, RSTART + RLENGTH)
		first = index(found, "_")
		# the nearest underscore that ends a word
		rest = substr(found, first + 1)
		match(rest, /_([ .,:;)]|$)/)
		text = before substr(found, 1, first - 1) italic substr(rest, 1, RSTART - 1) end \
			substr(rest, RSTART + 1) after
	}
	return text
}

function roff(text)
{
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	return markup(text, "\\fB", "\\fI", "\\fR")
}

# comments of at most 80 columns
function comment(text,    words, count, i, line)
{
	count = split(markup(text, "", "", ""), words, " ")
	line = indent "#"
	for (i = 1; i <= count; i++)
	{
		if (length(line) + 1 + length(words[i]) > 80)
		{
			print line
			line = indent "#"
		}
		line = line " " words[i]
	}
	print line
}

function flush(    i, text)
{
	if (name == "")
	{
		return
	}
	if (mode == "man")
	{
		if (section)
		{
			printf ".TP\n.B %s\n", roff(name)
		}
		else
		{
			printf ".TP\n.BR %s \" [%s]\"\n", roff(name), roff(value)
		}
		# the first paragraph of the long description starts with the short one
		for (i = paragraph[1] != ""; i <= paragraphs; i++)
		{
			if (paragraph[i] != "")
			{
				if (i > 1)
				{
					print ".IP"
				}
				print roff(paragraph[i])
			}
		}
	}
	else if (!section)
	{
		text = name
		sub(/.*\./, "", text)
		if (!opened)
		{
			opened = name
			sub(/\.[^.]*$/, "", opened)
			sub(/.*\./, "", opened)
			print opened " {"
		}
		print ""
		comment(paragraph[0])
		print indent (set ? "" : "# ") text " =" (value == "" ? "" : " " value)
	}
	name = ""
}

/^[^ \t]/ {
	flush()
	split("", paragraph)
	paragraphs = 0
	section = /\{\}[ \t]*$/
	set = /:=/
	value = ""
	if (match($0, /:?=/))
	{
		value = substr($0, RSTART + RLENGTH)
		sub(/^[ \t]+/, "", value)
	}
	name = $1
	next
}

/^[ \t]*$/ {
	if (paragraph[paragraphs] != "")
	{
		paragraphs++
	}
	next
}

{
	add($0)
}

END {
	flush()
	if (mode == "conf")
	{
		print "\n}"
	}
}
