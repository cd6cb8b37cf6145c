using AgCam.Images;

namespace AgCam.Evaluation.Datasets.Masks;

/// <summary>Where an object lies, pixel by pixel, as a dataset states it. Read when it is needed.</summary>
public abstract record ObjectMask
{
    /// <summary>Marks the object's pixels in a picture of that size.</summary>
    /// <param name="pixels">[height, width], row-major: what other objects of the class marked stays.</param>
    /// <param name="files">Reads a mask that is a picture.</param>
    /// <exception cref="FormatException">What is stated is no mask for such a picture.</exception>
    /// <exception cref="ImageException">The mask is a picture that cannot be read.</exception>
    internal abstract void Draw(MaskPixel[] pixels, int width, int height, ImageLimits limits, IFileReader files);
}

/// <summary>What a mask says of a pixel.</summary>
public enum MaskPixel : byte
{
    Background,
    Object,

    /// <summary>The annotators left it open (VOC's void): it counts neither way.</summary>
    Void,
}
