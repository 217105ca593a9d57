using Contrastive.Samples.ShapesClip;

return ShapesClipProgram.Run(args);
