using Contrastive.Samples.ImageSearch;

return ImageSearchProgram.Run(args);
