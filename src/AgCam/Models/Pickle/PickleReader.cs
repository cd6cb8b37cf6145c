using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace AgCam.Models.Pickle;

/// <summary>
/// Reads a pickle of protocol 0 to 5 as data. Unlike Python's reader it imports and calls nothing: globals are names and calls are records,
/// except those that <see cref="TorchObjects"/> reads. It does not recurse, and it limits opcodes, memory and lengths.
/// </summary>
/// <remarks>Opcodes: Python's pickletools.</remarks>
internal ref struct PickleReader(ReadOnlySpan<byte> data, string path)
{
    private const int MaxSteps = 1_000_000;
    private const int MaxNumberBytes = 256;
    private const int MaxLine = 4_096;

    private readonly ReadOnlySpan<byte> _data = data;
    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private Action<PickleStorage>? _onStorage;
    private int _at;
    private long _spent;

    /// <summary>Number of bytes read; after <see cref="Read"/>, the end of the pickle.</summary>
    public readonly int Position => _at;

    /// <summary>Reads the next pickle.</summary>
    /// <param name="onStorage">Receives every storage that the pickle names, including unused ones.</param>
    /// <exception cref="ModelException">model-corrupt: not a pickle, or one that exceeds a limit.</exception>
    public object? Read(Action<PickleStorage>? onStorage = null)
    {
        _onStorage = onStorage;
        _stack.Clear();
        _marks.Clear();
        _memo.Clear();
        while (true)
        {
            Spend(1);
            var opcode = Byte();
            if (opcode == (byte)'.')
                return Pop();
            Execute(opcode);
        }
    }

    /// <summary>Counts opcodes and extra work against the limit.</summary>
    private void Spend(int steps)
    {
        if ((_spent += steps) > MaxSteps)
            throw Corrupt($"it takes more than {MaxSteps:N0} steps");
    }

    private void Execute(byte opcode)
    {
        switch (opcode)
        {
            case 0x80: // PROTO
                if (Byte() is var protocol and > 5)
                    throw Corrupt($"its protocol is {protocol}; 0 to 5 are known");
                break;
            case 0x95: // FRAME
                Skip(8);
                break;

            case (byte)'(': // MARK
                _marks.Add(_stack.Count);
                break;
            case (byte)'0': // POP
                if (_marks.Count > 0 && _marks[^1] == _stack.Count)
                    _marks.RemoveAt(_marks.Count - 1);
                else
                    Pop();
                break;
            case (byte)'1': // POP_MARK
                PopToMark();
                break;
            case (byte)'2': // DUP
                Push(Peek());
                break;

            case (byte)'N':
                Push(null);
                break;
            case 0x88: // NEWTRUE
                Push(true);
                break;
            case 0x89: // NEWFALSE
                Push(false);
                break;

            case (byte)'K': // BININT1
                Push((long)Byte());
                break;
            case (byte)'M': // BININT2
                Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
                break;
            case (byte)'J': // BININT
                Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                break;
            case 0x8a: // LONG1
                PushLong(Byte());
                break;
            case 0x8b: // LONG4
                PushLong(BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                break;
            case (byte)'I' or (byte)'L': // INT, LONG: decimal text
                PushDecimal(Line());
                break;
            case (byte)'F': // FLOAT
                Push(double.TryParse(Line(), CultureInfo.InvariantCulture, out var number) ? number : double.NaN);
                break;
            case (byte)'G': // BINFLOAT
                Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
                break;

            case (byte)'S': // STRING, quoted
                Push(Line().Trim('\'', '"'));
                break;
            case (byte)'V': // UNICODE
                Push(Line());
                break;
            case 0x8c: // SHORT_BINUNICODE
                Push(Text(Byte()));
                break;
            case (byte)'X': // BINUNICODE
                Push(Text(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                break;
            case 0x8d: // BINUNICODE8
                Push(Text(BinaryPrimitives.ReadUInt64LittleEndian(Take(8))));
                break;
            case (byte)'U': // SHORT_BINSTRING: text of Python 2
                Push(Text(Byte()));
                break;
            case (byte)'T': // BINSTRING
                Push(Text((ulong)Math.Max(0, BinaryPrimitives.ReadInt32LittleEndian(Take(4)))));
                break;
            case (byte)'C': // SHORT_BINBYTES
                PushBytes(Byte());
                break;
            case (byte)'B': // BINBYTES
                PushBytes(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                break;
            case 0x8e or 0x96: // BINBYTES8, BYTEARRAY8
                PushBytes(BinaryPrimitives.ReadUInt64LittleEndian(Take(8)));
                break;

            case (byte)')': // EMPTY_TUPLE
            case (byte)']': // EMPTY_LIST
            case 0x8f: // EMPTY_SET
                Push(new PickleSequence([]));
                break;
            case 0x85: // TUPLE1
                PushTuple(1);
                break;
            case 0x86: // TUPLE2
                PushTuple(2);
                break;
            case 0x87: // TUPLE3
                PushTuple(3);
                break;
            case (byte)'t' or (byte)'l' or 0x91: // TUPLE, LIST, FROZENSET
                Push(new PickleSequence(PopToMark()));
                break;
            case (byte)'a': // APPEND
                Append([Pop()]);
                break;
            case (byte)'e' or 0x90: // APPENDS, ADDITEMS
                Append(PopToMark());
                break;

            case (byte)'}': // EMPTY_DICT
                Push(new PickleDictionary());
                break;
            case (byte)'d': // DICT
                var items = PopToMark();
                Push(new PickleDictionary());
                SetItems(items);
                break;
            case (byte)'s': // SETITEM
                var value = Pop();
                SetItems([Pop(), value]);
                break;
            case (byte)'u': // SETITEMS
                SetItems(PopToMark());
                break;

            case (byte)'p': // PUT
                _memo[MemoIndex(Line())] = Peek();
                break;
            case (byte)'q': // BINPUT
                _memo[Byte()] = Peek();
                break;
            case (byte)'r': // LONG_BINPUT
                _memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Peek();
                break;
            case 0x94: // MEMOIZE
                _memo[(uint)_memo.Count] = Peek();
                break;
            case (byte)'g': // GET
                Push(Recall(MemoIndex(Line())));
                break;
            case (byte)'h': // BINGET
                Push(Recall(Byte()));
                break;
            case (byte)'j': // LONG_BINGET
                Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                break;

            case (byte)'c': // GLOBAL
                var module = Line();
                Push(new PickleGlobal(module, Line()));
                break;
            case 0x93: // STACK_GLOBAL
                var name = Pop() as string;
                Push(new PickleGlobal(Pop() as string ?? "", name ?? ""));
                break;
            case 0x82: // EXT1
                Skip(1);
                Push(new PickleObject(null));
                break;
            case 0x83: // EXT2
                Skip(2);
                Push(new PickleObject(null));
                break;
            case 0x84: // EXT4
                Skip(4);
                Push(new PickleObject(null));
                break;

            case (byte)'R'
            or 0x81: // REDUCE, NEWOBJ: a call, kept as a record
                var arguments = Pop() as PickleSequence;
                Spend(arguments is { Items: [PickleSequence pairs, ..] } ? pairs.Items.Count : 0); // OrderedDict copies its pairs
                Push(TorchObjects.Call(Pop(), arguments, path));
                break;
            case 0x92: // NEWOBJ_EX
                Pop();
                Pop();
                Push(new PickleObject(Pop()));
                break;
            case (byte)'i': // INST
                var type = new PickleGlobal(Line(), Line());
                PopToMark();
                Push(new PickleObject(type));
                break;
            case (byte)'o': // OBJ
                var parts = PopToMark();
                Push(new PickleObject(parts.Count > 0 ? parts[0] : null));
                break;
            case (byte)'b': // BUILD: sets attributes in Python
                Pop();
                Peek();
                break;

            case (byte)'P': // PERSID
                Line();
                Push(new PickleObject(null));
                break;
            case (byte)'Q': // BINPERSID
                var storage = TorchObjects.Storage(Pop(), path);
                if (storage is PickleStorage known)
                    _onStorage?.Invoke(known);
                Push(storage);
                break;

            default:
                throw Corrupt($"byte 0x{opcode:x2} at {_at - 1:N0} is not a known opcode");
        }
    }

    private readonly void Push(object? value) => _stack.Add(value);

    private readonly object? Peek() => _stack.Count > Floor ? _stack[^1] : throw Corrupt("it pops an empty stack");

    private readonly object? Pop()
    {
        var value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    /// <summary>Stack height of the last mark, below which nothing may be popped.</summary>
    private readonly int Floor => _marks.Count > 0 ? _marks[^1] : 0;

    private readonly List<object?> PopToMark()
    {
        if (_marks.Count == 0)
            throw Corrupt("a mark is missing");
        var start = Floor;
        _marks.RemoveAt(_marks.Count - 1);
        var items = _stack.GetRange(start, _stack.Count - start);
        _stack.RemoveRange(start, items.Count);
        return items;
    }

    private readonly void PushTuple(int count)
    {
        var items = new object?[count];
        for (var i = count - 1; i >= 0; i--)
            items[i] = Pop();
        Push(new PickleSequence([.. items]));
    }

    /// <summary>Appends to a sequence; items for an inert object are dropped.</summary>
    private readonly void Append(List<object?> items) => (Peek() as PickleSequence)?.Items.AddRange(items);

    private readonly void SetItems(List<object?> items)
    {
        if (items.Count % 2 != 0)
            throw Corrupt("a key has no value");
        if (Peek() is PickleDictionary dictionary)
            for (var i = 0; i < items.Count; i += 2)
                dictionary.Set(items[i], items[i + 1]);
    }

    private readonly object? Recall(uint index) =>
        _memo.TryGetValue(index, out var value) ? value : throw Corrupt($"memo {index} is not set");

    private readonly uint MemoIndex(string line) =>
        uint.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? index
            : throw Corrupt("a memo index is not a number");

    private void PushLong(int length)
    {
        if (length is < 0 or > MaxNumberBytes)
            throw Corrupt($"an integer claims {length:N0} bytes");
        var value = new BigInteger(Take(length));
        Push(value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value);
    }

    private readonly void PushDecimal(string line)
    {
        if (line is "00" or "01") // bool in protocol 0
            Push(line == "01");
        else
            Push(
                long.TryParse(line.TrimEnd('L'), CultureInfo.InvariantCulture, out var value)
                    ? value
                    : throw Corrupt("an integer is not a number")
            );
    }

    private string Text(ulong length) => Encoding.UTF8.GetString(Take(length));

    /// <summary>Skips bytes, which are never weights, after checking their length.</summary>
    private void PushBytes(ulong length)
    {
        Take(length);
        Push(new PickleObject(null));
    }

    private string Line()
    {
        var rest = _data[_at..];
        var end = rest[..Math.Min(rest.Length, MaxLine)].IndexOf((byte)'\n');
        if (end < 0)
            throw Corrupt("a line does not end");
        _at += end + 1;
        return Encoding.UTF8.GetString(rest[..end]).TrimEnd('\r');
    }

    private byte Byte() => Take(1)[0];

    private void Skip(ulong length) => Take(length);

    private ReadOnlySpan<byte> Take(int length) => Take((ulong)length);

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)(_data.Length - _at))
            throw Corrupt($"it ends early: at byte {_at:N0}, {length:N0} more are needed");
        var taken = _data.Slice(_at, (int)length);
        _at += (int)length;
        return taken;
    }

    private readonly ModelException Corrupt(string reason) => PthFile.Corrupt(path, $"its pickle is damaged: {reason}");
}
