using Contrastive.Samples.FusionModel;

return FusionProgram.Run(args);
