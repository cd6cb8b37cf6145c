using AgCam.Images;

namespace AgCam.Evaluation.Datasets.Masks;

/// <summary>Mask of an object as the dataset states it. Read on demand.</summary>
public abstract record ObjectMask
{
    /// <summary>Marks the object's pixels in an image of the given size.</summary>
    /// <param name="pixels">[height, width], row-major. Pixels marked by other objects are kept.</param>
    /// <param name="files">Reads a mask that is an image file.</param>
    /// <exception cref="FormatException">The mask does not fit such an image.</exception>
    /// <exception cref="ImageException">The mask is an image file that cannot be read.</exception>
    internal abstract void Draw(MaskPixel[] pixels, int width, int height, ImageLimits limits, IFileReader files);
}

/// <summary>Value of a mask pixel.</summary>
public enum MaskPixel : byte
{
    Background,
    Object,

    /// <summary>Undecided by the annotators (VOC's void): ignored.</summary>
    Void,
}
