using System.Text;

namespace AgCam.Tables;

/// <summary>Reads lines of a text file with a maximum length.</summary>
internal static class TextLines
{
    /// <returns>The lines without their line ends, with numbers from 1.</returns>
    /// <exception cref="TableException">A line has more than <see cref="Table.MaxRow"/> characters.</exception>
    public static IEnumerable<(long Number, string Text)> Read(Stream stream)
    {
        using var reader = new StreamReader(stream, leaveOpen: true);
        var (block, line, number) = (new char[1 << 14], new StringBuilder(), 1L);
        int length;
        while ((length = reader.ReadBlock(block)) > 0)
        {
            var start = 0;
            for (int end; (end = Array.IndexOf(block, '\n', start, length - start)) >= 0; start = end + 1)
            {
                yield return (number, Line(block, start, end));
                number++;
            }
            Append(block, start, length);
        }
        if (line.Length > 0)
            yield return (number, line.ToString());

        string Line(char[] chars, int start, int end)
        {
            Append(chars, start, end);
            var text = line.ToString();
            line.Clear();
            return text.EndsWith('\r') ? text[..^1] : text;
        }

        void Append(char[] chars, int start, int end)
        {
            if (line.Length + end - start > Table.MaxRow)
                throw new TableException($", line {number}: more than {Table.MaxRow} characters in a line.");
            line.Append(chars, start, end - start);
        }
    }
}
