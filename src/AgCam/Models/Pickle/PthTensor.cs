namespace AgCam.Models.Pickle;

/// <summary>Tensor of a PyTorch checkpoint. A strided tensor (transposed, sliced) is copied to row-major order on access.</summary>
internal sealed class PthTensor : WeightTensor
{
    private readonly MappedFile _file;
    private readonly long _storageStart;
    private readonly PickleTensor _tensor;

    /// <param name="storageStart">Start of the tensor's storage, which is already checked to be inside the file.</param>
    public PthTensor(MappedFile file, long storageStart, PickleTensor tensor)
        : base(tensor.Storage.DType, tensor.Shape)
    {
        (_file, _storageStart, _tensor) = (file, storageStart, tensor);
    }

    public override ReadOnlySpan<byte> Bytes
    {
        get
        {
            ThrowIfTooLarge(ByteLength);
            if (ElementCount == 0)
                return [];
            var size = DType.Bits() / 8;
            return IsContiguous ? _file.Slice(_storageStart + _tensor.Offset * size, (int)ByteLength) : Gather(size);
        }
    }

    private bool IsContiguous
    {
        get
        {
            var step = 1L;
            for (var i = Shape.Count - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && _tensor.Strides[i] != step)
                    return false;
                step *= Shape[i];
            }

            return true;
        }
    }

    private byte[] Gather(int size)
    {
        var gathered = new byte[ByteLength];
        var index = new long[Shape.Count];
        var from = _tensor.Offset;
        for (var to = 0; to < gathered.Length; to += size)
        {
            _file.Slice(_storageStart + from * size, size).CopyTo(gathered.AsSpan(to));
            // Increment the index, last dimension first.
            for (var i = Shape.Count - 1; i >= 0; i--)
            {
                from += _tensor.Strides[i];
                if (++index[i] < Shape[i])
                    break;
                from -= _tensor.Strides[i] * Shape[i];
                index[i] = 0;
            }
        }

        return gathered;
    }
}
